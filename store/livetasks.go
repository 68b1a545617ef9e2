package store

import (
	"bytes"
	"slices"
	"sort"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// liveTasks are the values on disk of the tasks that a checkpoint changes, read in one walk before anything is written.
// Looking each up by itself, once for its payload and once for its digest, took a quarter of a commit.
type liveTasks struct {
	changes []task.TaskChange
	values  [][]byte // of the first changes; nil: not on disk. Those behind are new
	next    int      // where the next look-up is expected
}

// maxSteps is how many keys a walk passes over before it is cheaper to look the next one up.
const maxSteps = 16

// read fills values for the changes up to the last task on disk.
func (l *liveTasks) read(c *bbolt.Cursor, changes []task.TaskChange, last task.ID) {
	l.changes, l.values, l.next = changes, slices.Grow(l.values[:0], len(changes)), 0
	var k, v []byte
	for i := range changes {
		if changes[i].ID > last {
			return
		}
		key := taskKey(changes[i].ID)
		for step := 0; k != nil && bytes.Compare(k, key[:]) < 0; step++ {
			if step == maxSteps {
				k = nil
				break
			}
			k, v = c.Next()
		}
		if k == nil {
			k, v = c.Seek(key[:])
		}
		if bytes.Equal(k, key[:]) {
			l.values = append(l.values, v)
		} else {
			l.values = append(l.values, nil)
		}
	}
}

// at is the value on disk of the i-th change; nil: none.
func (l *liveTasks) at(i int) []byte {
	if i >= len(l.values) {
		return nil
	}
	return l.values[i]
}

// find is the value on disk of a task that is among the changes. Tasks finish in about the order of their IDs.
func (l *liveTasks) find(id task.ID) []byte {
	i := l.next
	if i >= len(l.values) || l.changes[i].ID != id {
		i = sort.Search(len(l.values), func(i int) bool { return l.changes[i].ID >= id })
		if i == len(l.values) || l.changes[i].ID != id {
			return nil
		}
	}
	l.next = i + 1
	return l.values[i]
}

// reset lets go of the values, which are the transaction's.
func (l *liveTasks) reset() {
	clear(l.values)
	l.changes, l.values = nil, l.values[:0]
}
