package archive

import (
	"errors"
	"fmt"
)

var (
	// ErrTruncated means that the object was cut short, or that its writing never ended.
	ErrTruncated = errors.New("archive is cut short")
	// ErrDamaged means that the object isn't what was written. The error's text says which part.
	ErrDamaged = errors.New("archive is damaged")
	// ErrFormat means that the object is none of this program's archives, or one of a newer version.
	ErrFormat = errors.New("not an archive of this version")
	// ErrSignature means that the archive isn't signed by the key that it must be signed by.
	ErrSignature = errors.New("archive isn't signed by the given key")
	// ErrKey means that the body is encrypted and none of the given identities decrypts it.
	ErrKey = errors.New("archive can't be decrypted")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
