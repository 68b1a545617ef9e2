package task

import (
	"errors"
	"strings"
)

// ID names a task. The machine assigns IDs in increasing order and never uses one twice. The upper 16 bits are
// reserved for a partition number and are zero today.
type ID uint64

// idAlphabet is Crockford's base32: no I, L, O or U.
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idLength is the number of characters that 64 bits take at five bits each.
const idLength = 13

// ErrBadID is returned by ParseID for anything that isn't a task ID.
var ErrBadID = errors.New("not a task ID: want 13 characters of Crockford base32, such as 000000000001A")

// String returns the 13 characters of Crockford base32 that people and programs see. Their order is the IDs' order.
func (id ID) String() string {
	var b [idLength]byte
	v := uint64(id)
	for i := idLength - 1; i >= 0; i-- {
		b[i] = idAlphabet[v&31]
		v >>= 5
	}
	return string(b[:])
}

// MarshalText makes IDs in JSON what String returns.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// ParseID reads what String wrote. As Crockford asks, it takes lower case, and O for 0, I and L for 1.
func ParseID(s string) (ID, error) {
	if len(s) != idLength {
		return 0, ErrBadID
	}
	var v uint64
	for i := range idLength {
		d, ok := idDigit(s[i])
		if !ok || (i == 0 && d > 15) {
			return 0, ErrBadID
		}
		v = v<<5 | uint64(d)
	}
	return ID(v), nil
}

func idDigit(c byte) (byte, bool) {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch c {
	case 'O':
		c = '0'
	case 'I', 'L':
		c = '1'
	}
	d := strings.IndexByte(idAlphabet, c)
	return byte(d), d >= 0
}
