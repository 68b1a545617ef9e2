package backups

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// Entry is an archive at a destination.
type Entry struct {
	Name      string // the object's
	ClusterID string
	Kind      string // archive.Full or archive.Log
	Timeline  string
	First     uint64 // of the log: the first entry
	Index     uint64 // the last entry covered

	Size     int64
	Modified time.Time
	Manifest archive.Manifest // of a full backup, unless Err
	Signer   string           // the public key that it is signed by; empty: none
	Err      error            // why a full backup can't be used
	Verified time.Time        // when a trial restore of it last succeeded, as far as that was noted
}

// Good reports whether it is a full backup that can be opened and that the members agreed on.
func (e *Entry) Good() bool {
	return e.Kind == archive.Full && e.Err == nil && e.Manifest.Agreed != nil
}

// At is when it was taken; when it was written, where that isn't known.
func (e *Entry) At() time.Time {
	if e.Manifest.Created.IsZero() {
		return e.Modified
	}
	return e.Manifest.Created
}

// listers is how many manifests are read at a time.
const listers = 8

// List returns the archives at a destination, of one cluster or, where cluster is empty, of all: by cluster, kind and time. The
// manifests of full backups are read.
func List(ctx context.Context, b bucket.Bucket, cluster string, keys archive.Keys) ([]Entry, error) {
	prefix := ""
	if cluster != "" {
		prefix = archive.Prefix(cluster, "")
	}
	objects, err := b.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return entries(ctx, b, objects, keys)
}

func entries(ctx context.Context, b bucket.Bucket, objects []bucket.Info, keys archive.Keys) ([]Entry, error) {
	var list []Entry
	verified := map[string]time.Time{}
	for _, o := range objects {
		if n, ok := archive.ParseName(o.Name); ok {
			list = append(list, Entry{Name: o.Name, Size: o.Size, Modified: o.Modified})
			list[len(list)-1].fill(n)
		} else if name, ok := markOf(o.Name); ok {
			verified[name] = o.Modified
		}
	}
	var readers errgroup.Group
	readers.SetLimit(listers)
	for i := range list {
		e := &list[i]
		if at := verified[e.Name]; at.After(e.Modified) || at.Equal(e.Modified) {
			e.Verified = at
		}
		if e.Kind == archive.Full {
			readers.Go(func() error { return e.read(ctx, b, keys) })
		}
	}
	if err := readers.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), cmp.Compare(a.Kind, b.Kind), a.At().Compare(b.At()), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

func (e *Entry) fill(n archive.Name) {
	e.ClusterID, e.Kind, e.Timeline, e.First, e.Index = n.ClusterID, n.Kind, n.Timeline, n.First, n.Index
}

// read reads the manifest. What speaks against the archive is noted in Err; an error is one of reading.
func (e *Entry) read(ctx context.Context, b bucket.Bucket, keys archive.Keys) error {
	o, err := OpenAt(ctx, b, e.Name, keys)
	switch {
	case err == nil:
		defer func() { _ = o.Close() }() // only read
		e.Manifest = o.Manifest()
		if key := o.Signer(); key != nil {
			e.Signer = archive.KeyText(key)
		}
		if o.Manifest().Name().String() != e.Name {
			e.Err = fmt.Errorf("%w: by its manifest it is %s", archive.ErrDamaged, o.Manifest().Name())
		}
	case Refused(err):
		e.Err = err
	case errors.Is(err, ErrNone): // removed a moment ago
		e.Err = err
	default:
		return err
	}
	return nil
}

// Refused reports whether an error speaks against an archive, rather than against the way to it.
func Refused(err error) bool {
	for _, reason := range []error{archive.ErrTruncated, archive.ErrDamaged, archive.ErrFormat, archive.ErrSignature, archive.ErrKey} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// mark is what is noted of a trial restore that succeeded, in an object of its own.
type mark struct {
	Name       string    `json:"name"`
	BodySHA256 string    `json:"body_sha256"`
	Verified   time.Time `json:"verified"`
}

const (
	markDir    = "/verified/"
	markSuffix = ".json"
)

// markName is the name of the mark of an archive.
func markName(name string) string {
	cluster, _, _ := strings.Cut(name, "/")
	return cluster + markDir + strings.TrimSuffix(path.Base(name), archive.Suffix) + markSuffix
}

// markOf is the name of the full backup that a mark is of; false: the name isn't a mark's.
func markOf(name string) (string, bool) {
	cluster, base, ok := strings.Cut(name, markDir)
	if !ok || !strings.HasSuffix(base, markSuffix) {
		return "", false
	}
	return path.Join(cluster, archive.Full, strings.TrimSuffix(base, markSuffix)+archive.Suffix), true
}

// Mark notes at the destination that a trial restore succeeded, for List and for whoever leads next.
func Mark(ctx context.Context, b bucket.Bucket, name string, m archive.Manifest, now time.Time) error {
	if m.Name().String() != name { // a single file
		return nil
	}
	text, err := json.Marshal(mark{Name: name, BodySHA256: m.Body.SHA256, Verified: now.UTC()})
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, markName(name), strings.NewReader(string(text)+"\n"))
	return err
}
