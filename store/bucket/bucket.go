// Package bucket is where archives lie: a directory, or a bucket of an S3-compatible store. Both keep the same promise: an
// object is there whole, or not at all, and once Put has returned it stays.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"time"
)

var (
	// ErrNotFound means that there is no object of this name.
	ErrNotFound = errors.New("no such object")
	// ErrNoSpace means that the destination is full. Nothing was changed.
	ErrNoSpace = errors.New("no space left at the destination")
	// ErrAddress means that a destination's address can't be used. The error's text says why.
	ErrAddress = errors.New("bad destination")
	// ErrRefused means that the destination refuses the credentials or what they ask for.
	ErrRefused = errors.New("the destination refuses")
	// ErrMissing means that there is no such directory or bucket, or nothing under the prefix.
	ErrMissing = errors.New("no such destination")
)

// Bucket is a set of named objects. Its methods may be called at once.
type Bucket interface {
	// Put writes an object from all that r holds and returns its size in bytes. When it returns without an error the object
	// is whole and durable; after an error the name is as it was before. An object of the same name is replaced.
	Put(ctx context.Context, name string, r io.Reader) (int64, error)
	// Open opens an object, or fails with ErrNotFound. ctx is that of all its reads.
	Open(ctx context.Context, name string) (Object, error)
	// List returns the objects whose names begin with the prefix, by name; none where the destination doesn't exist yet.
	List(ctx context.Context, prefix string) ([]Info, error)
	// Remove removes an object. It is no error if there is none.
	Remove(ctx context.Context, name string) error
	// Present fails with ErrMissing where the destination doesn't exist; an empty one does.
	Present(ctx context.Context) error
	// Probe finds out whether objects could be written, as far as that shows without writing one. ErrRefused, ErrMissing and
	// ErrAddress are of a destination that won't do until somebody mends it; any other error may pass.
	Probe(ctx context.Context) error
	// String is the address, without credentials.
	String() string
}

// Object is one that is being read.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64 // in bytes
}

// Info describes an object.
type Info struct {
	Name     string
	Size     int64 // in bytes
	Modified time.Time
}

// Open returns the bucket of an address: the path of a directory, `file:///dir`, or
// `s3://bucket/prefix?endpoint=host:port&region=…&insecure=true`, of which all but the bucket may be left out. Credentials
// for S3 are those of the environment (AWS_ACCESS_KEY_ID and so on), of the file ~/.aws/credentials, or of the machine's
// role. Nothing is read or written yet.
func Open(_ context.Context, address string) (Bucket, error) {
	if !strings.Contains(address, "://") {
		if address == "" {
			return nil, fmt.Errorf("%w: it is empty: give a directory or s3://bucket/prefix", ErrAddress)
		}
		return newDirectory(address)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || u.Path == "" || u.RawQuery != "" {
			return nil, fmt.Errorf("%w %s: give file:///dir", ErrAddress, address)
		}
		return newDirectory(u.Path)
	case "s3":
		return newS3(u)
	default:
		return nil, fmt.Errorf("%w %s: %q is neither file nor s3", ErrAddress, address, u.Scheme)
	}
}

// checkName refuses names that a directory couldn't hold, or would hide.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%w: %q is no name of an object", ErrAddress, name)
	}
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") {
			return fmt.Errorf("%w: a part of the name %q begins with a dot", ErrAddress, name)
		}
	}
	return nil
}
