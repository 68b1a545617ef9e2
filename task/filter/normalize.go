package filter

import "strings"

const (
	// maxQuoted is the longest text in quotes that is masked: beyond it the quote may well be an apostrophe.
	maxQuoted = 1024
	// minHex is how many hexadecimal digits make a word a number.
	minHex = 8
	// minID is how long a word that mixes letters and digits must be to be an ID as a whole.
	minID = 12
)

// normalize appends the text that a fingerprint is taken of. It goes through the text once, from token to token.
func normalize(b []byte, text string) []byte {
	text = strings.TrimSpace(text)
	for i := 0; i < len(text); {
		c := text[i]
		var n int
		switch {
		case isSpace(c):
			b, n = append(b, ' '), spaces(text[i:])
		case c == '"' || c == '\'' || c == '`':
			if n = quoted(text, i); n > 0 {
				b = append(b, "<text>"...)
			}
		case isPath(text, i):
			b, n = append(b, "<path>"...), pathLength(text[i:])
		case isWord(c) && (i == 0 || !isWord(text[i-1])):
			b, n = word(b, text[i:])
		}
		if n == 0 {
			b, n = append(b, c), 1
		}
		i += n
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func isHex(c byte) bool  { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

func spaces(s string) (n int) {
	for n < len(s) && isSpace(s[n]) {
		n++
	}
	return n
}

// quoted is how long the text in quotes is that begins at i; 0: there is none, as with an apostrophe.
func quoted(text string, i int) int {
	if i > 0 && isWord(text[i-1]) {
		return 0
	}
	end := min(len(text), i+maxQuoted)
	for k := i + 1; k < end && text[k] != '\n'; k++ {
		switch {
		case text[k] == '\\':
			k++
		case text[k] == text[i] && (k+1 == len(text) || !isWord(text[k+1])):
			return k + 1 - i
		}
	}
	return 0
}

// isPath reports whether a path or URL begins at i: /a, ./a, ../a, ~/a, C:\a, scheme://a.
func isPath(text string, i int) bool {
	if i > 0 && (isWord(text[i-1]) || text[i-1] == '/' || text[i-1] == '>') {
		return false
	}
	s := text[i:]
	for _, start := range []string{"/", "./", "../", "~/", `\\`} {
		if rest, ok := strings.CutPrefix(s, start); ok && rest != "" && (isWord(rest[0]) || rest[0] == '.') {
			return true
		}
	}
	if len(s) > 3 && isLetter(s[0]) && s[1] == ':' && s[2] == '\\' {
		return true
	}
	scheme := 0
	for scheme < len(s) && isLetter(s[scheme]) {
		scheme++
	}
	return scheme > 0 && strings.HasPrefix(s[scheme:], "://")
}

// pathLength is how long the path at the beginning of s is. A colon, comma or dot at its end isn't part of it.
func pathLength(s string) int {
	n := 0
	for n < len(s) && !isSpace(s[n]) && !strings.ContainsRune("\"'`()<>[]{},;", rune(s[n])) {
		n++
	}
	for n > 1 && (s[n-1] == ':' || s[n-1] == '.') {
		n--
	}
	return n
}

// word appends the word at the beginning of s, masked as it needs, and returns how much of s it was.
func word(b []byte, s string) ([]byte, int) {
	if n := uuid(s); n > 0 {
		return append(b, "<id>"...), n
	}
	n, digits, letters, hex := 0, 0, 0, true
	for ; n < len(s) && isWord(s[n]); n++ {
		hex = hex && isHex(s[n])
		if isDigit(s[n]) {
			digits++
		} else {
			letters++
		}
	}
	switch {
	case digits == 0:
		return append(b, s[:n]...), n
	case n > 2 && s[0] == '0' && s[1]|0x20 == 'x', letters > 0 && hex && n >= minHex, n >= minID && (letters > 0 || s[0] == '0') && !strings.Contains(s[:n], "_"):
		return append(b, "<id>"...), n
	case isDigit(s[0]):
		return append(b, "<n>"...), number(s, n)
	}
	for i := 0; i < n; i++ {
		switch {
		case !isDigit(s[i]):
			b = append(b, s[i])
		case i == 0 || !isDigit(s[i-1]):
			b = append(b, '#')
		}
	}
	return b, n
}

// uuid is 36 if s begins with a UUID, else 0.
func uuid(s string) int {
	const length = 36
	if len(s) < length || len(s) > length && isWord(s[length]) {
		return 0
	}
	for i := range length {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return 0
		}
	}
	return length
}

// number extends a word that begins with a digit over what belongs to dates, times, addresses, decimals and spans: marks
// that stand between two characters of words.
func number(s string, n int) int {
	for n+1 < len(s) && strings.IndexByte(".:,-+", s[n]) >= 0 && isWord(s[n+1]) && (isDigit(s[n+1]) || s[n] == '.') {
		for n++; n < len(s) && isWord(s[n]); n++ {
		}
	}
	if n < len(s) && s[n] == '%' {
		n++
	}
	return n
}
