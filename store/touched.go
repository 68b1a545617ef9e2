package store

import (
	"bytes"
	"slices"
)

// touched are the keys that commits have written or deleted while a vacuum copies the file: those it has to copy again.
type touched struct {
	keys map[string]map[string]struct{} // by bucket
	n    int
	full bool // there were too many: the vacuum can't keep up
}

// maxTouched bounds the keys that are kept, at about 80 bytes each.
const maxTouched = 1 << 20

func newTouched() *touched { return &touched{keys: map[string]map[string]struct{}{}} }

// note takes a key; a nil set takes none.
func (t *touched) note(bucket string, key []byte) {
	if t == nil || t.full {
		return
	}
	if t.n >= maxTouched {
		t.full, t.keys = true, nil
		return
	}
	set := t.keys[bucket]
	if set == nil {
		set = map[string]struct{}{}
		t.keys[bucket] = set
	}
	if _, ok := set[string(key)]; !ok {
		set[string(key)] = struct{}{}
		t.n++
	}
}

// sorted returns a bucket's keys up to and including last, in order; nil: all of them.
func (t *touched) sorted(bucket string, last []byte) [][]byte {
	keys := make([][]byte, 0, len(t.keys[bucket]))
	for k := range t.keys[bucket] {
		if key := []byte(k); last == nil || bytes.Compare(key, last) <= 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	return keys
}
