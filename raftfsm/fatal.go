package raftfsm

import "sync"

// fatal is the first failure after which the node can't go on.
type fatal struct {
	once   sync.Once
	failed chan struct{} // closed when err is set
	err    error
}

func newFatal() *fatal { return &fatal{failed: make(chan struct{})} }

// fail ends the node. Only the first call counts. It never blocks: it is called from raft's goroutines.
func (f *fatal) fail(what string, err error) {
	f.once.Do(func() {
		f.err = &fatalError{what: what, err: err}
		close(f.failed)
	})
}

// done is closed by the first failure, after which get returns it.
func (f *fatal) done() <-chan struct{} { return f.failed }

func (f *fatal) get() error {
	select {
	case <-f.failed:
		return f.err
	default:
		return nil
	}
}
