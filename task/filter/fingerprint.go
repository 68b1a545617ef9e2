package filter

import (
	"fmt"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/rowlock/rowlock/task"
)

// Print is the fingerprint of an error: equal for texts that differ in nothing but numbers, names and places.
type Print uint64

// String returns the 16 hexadecimal digits that people and programs see.
func (p Print) String() string { return fmt.Sprintf("%016x", uint64(p)) }

// ParsePrint reads what String wrote.
func ParsePrint(s string) (Print, error) {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("%q is no fingerprint: want 16 hexadecimal digits, as 'rowlock dlq groups' shows them", s)
	}
	return Print(v), nil
}

// Fingerprint is that of a task's last error. One that no attempt of which failed has the fingerprint of its reason, such
// as expired.
func Fingerprint(t *task.Task) Print {
	if text := LastError(t); text != "" {
		return PrintOf(text)
	}
	return PrintOf(t.Reason.String())
}

// PrintOf is the fingerprint of an error's text.
func PrintOf(text string) Print {
	var buffer [512]byte
	return Print(xxhash.Sum64(normalize(buffer[:0], text)))
}

// Normalize returns the text that a fingerprint is taken of. What differs from one failure to the next is masked:
//
//   - a text in quotes: <text>
//   - a path or URL: <path>
//   - a UUID, a number in hexadecimal, a word of eight hexadecimal digits or more, or of twelve characters or more that mixes
//     letters and digits: <id>
//   - what begins with a digit, such as numbers, times, addresses, spans: <n>
//   - digits within other words: #
//
// and any white space is one space.
func Normalize(text string) string { return string(normalize(nil, text)) }
