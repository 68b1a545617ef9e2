package logarchive

import (
	"errors"

	"github.com/rowlock/rowlock/store/bucket"
)

// patience is how often a reader looks anew when an archive is gone that was there a moment ago: whoever archives writes
// small ones again together with what follows, and removes them then.
const patience = 8

// again runs fn until it doesn't miss an object.
func again(fn func() error) (err error) {
	for range patience {
		if err = fn(); !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
	}
	return err
}
