package render

import (
	"encoding/json"
	"unicode/utf8"
)

// Bytes is a payload or a result: shown as JSON where it is JSON, else as base64.
type Bytes []byte

// asJSON returns the value where the bytes are JSON.
func (b Bytes) asJSON() json.RawMessage {
	if len(b) > 0 && utf8.Valid(b) && json.Valid(b) {
		return json.RawMessage(b)
	}
	return nil
}

// asBase64 returns the bytes, which encoding/json writes as base64, where they aren't JSON.
func (b Bytes) asBase64() []byte {
	if b.asJSON() != nil {
		return nil
	}
	return b
}

// text shows the bytes to people, cut to most characters.
func (b Bytes) text(most int) string {
	if len(b) == 0 {
		return ""
	}
	s := string(b)
	if !utf8.ValidString(s) {
		return "(binary)"
	}
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
