package rpc

import (
	"sync"

	"github.com/rowlock/rowlock/task"
)

// leaseCall is a waiting call of Lease. It gets one grant at most: with tasks, with an error, or, after last, whatever
// the next answer has.
type leaseCall struct {
	got chan grant // has room for the one

	mu     sync.Mutex // guards all below
	over   bool       // a grant has been delivered, or nobody waits for one any more
	ending bool       // see last
}

type grant struct {
	tasks []task.Leased
	err   error
}

func newLeaseCall() *leaseCall { return &leaseCall{got: make(chan grant, 1)} }

// deliver is the taker's.
func (c *leaseCall) deliver(tasks []task.Leased, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	if len(tasks) > 0 || err != nil || c.ending {
		c.over = true
		c.got <- grant{tasks, err}
	}
	return true
}

// last makes the next answer the call's, even an empty one.
func (c *leaseCall) last() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
}

// giveUp reports whether nothing has been delivered; then nothing will be.
func (c *leaseCall) giveUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.over = true
	return true
}
