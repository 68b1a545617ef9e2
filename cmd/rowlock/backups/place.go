package backups

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// ErrNone means that there is no backup of that description.
var ErrNone = errors.New("no such backup")

// Target says where a backup goes: a destination, and the object's name if the address names it: it ends in archive.Suffix.
func Target(ctx context.Context, address string) (to bucket.Bucket, name string, err error) {
	if !strings.HasSuffix(strings.SplitN(address, "?", 2)[0], archive.Suffix) {
		to, err = bucket.Open(ctx, address)
		return to, "", err
	}
	if !strings.Contains(address, "://") {
		if info, err := os.Stat(address); err == nil && info.IsDir() {
			to, err = bucket.Open(ctx, address)
			return to, "", err
		}
		to, err = bucket.Open(ctx, filepath.Dir(address))
		return to, filepath.Base(address), err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", bucket.ErrAddress, err)
	}
	name = path.Base(u.Path)
	u.Path = path.Dir(u.Path)
	to, err = bucket.Open(ctx, u.String())
	return to, name, err
}

// Opened is an archive that was found.
type Opened struct {
	Bucket bucket.Bucket
	Name   string
	Size   int64
	*archive.Reader
	object bucket.Object
}

// Close ends reading.
func (o *Opened) Close() error { return o.object.Close() }

// Find opens one backup: the address of an object, or at a destination one that `which` names: the object's name, its index
// or "latest", the newest full backup that can be opened.
//
// ErrNone: there is none. bucket.ErrMissing: there is no such destination. Those of archive.Open: it, or none of them, can be used.
func Find(ctx context.Context, from, which string, keys archive.Keys) (*Opened, error) {
	b, name, err := Target(ctx, from)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return OpenAt(ctx, b, name, keys)
	}
	if err := b.Present(ctx); err != nil {
		return nil, err
	}
	objects, err := b.List(ctx, "")
	if err != nil {
		return nil, err
	}
	if which == "" || which == Latest {
		return latest(ctx, b, objects, keys)
	}
	var found []string
	for _, o := range objects {
		n, ok := archive.ParseName(o.Name)
		if o.Name == which || path.Base(o.Name) == which || ok && n.Kind == archive.Full && fmt.Sprint(n.Index) == which {
			found = append(found, o.Name)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %s isn't at %s: 'rowlock backup list --from %s' shows what is", ErrNone, which, b, from)
	case 1:
		return OpenAt(ctx, b, found[0], keys)
	default:
		return nil, fmt.Errorf("%w: %s may be any of %s: give the whole name", ErrNone, which, strings.Join(found, ", "))
	}
}

// Latest is the word for the newest full backup.
const Latest = "latest"

// OpenAt opens an archive by its name.
func OpenAt(ctx context.Context, b bucket.Bucket, name string, keys archive.Keys) (*Opened, error) {
	object, err := b.Open(ctx, name)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	if err != nil {
		return nil, err
	}
	r, err := archive.Open(object, object.Size(), keys)
	if err != nil {
		object.Close()
		return nil, fmt.Errorf("%s: %w", path.Join(b.String(), name), err)
	}
	return &Opened{Bucket: b, Name: name, Size: object.Size(), Reader: r, object: object}, nil
}

// latest opens the newest good full backup, by its time, or where none is good the newest that can be opened.
func latest(ctx context.Context, b bucket.Bucket, objects []bucket.Info, keys archive.Keys) (*Opened, error) {
	list, err := entries(ctx, b, objects, keys)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(e Entry) bool { return e.Kind != archive.Full })
	slices.SortStableFunc(list, func(a, b Entry) int { return a.At().Compare(b.At()) })
	for _, fits := range []func(e *Entry) bool{(*Entry).Good, func(e *Entry) bool { return e.Err == nil }} {
		for i := range slices.Backward(list) {
			if fits(&list[i]) {
				return OpenAt(ctx, b, list[i].Name, keys)
			}
		}
	}
	if n := len(list); n > 0 {
		return nil, fmt.Errorf("no backup at %s can be used; of the last: %w", b, list[n-1].Err)
	}
	return nil, fmt.Errorf("%w: there is none at %s", ErrNone, b)
}
