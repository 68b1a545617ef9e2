package store

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// OpenImage opens a view of a state file that is no member's, such as one out of a backup, for reading only. Its pages and
// digests are verified, and the text of each record when it is read; PrepareImage verifies all of it. Closing the view closes
// the file.
//
// ErrCorrupt: it isn't a sound state file. ErrFormat: a newer version's.
func OpenImage(path string) (*View, error) {
	db, pos, err := openState(path, &bbolt.Options{ReadOnly: true, Timeout: boltOptions(0).Timeout})
	if err != nil {
		return nil, err
	}
	h := newHandle(db)
	h.acquire()
	h.retire() // the view is its last user
	v := &View{handle: h, position: pos}
	if err := guard(func() (err error) {
		v.tx, err = db.Begin(false)
		return err
	}); err != nil {
		v.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return v, nil
}
