package task

import (
	"errors"
	"fmt"
)

// AnyTimeline is the timeline of an entry that says nothing of what its proposer has seen, and is right in all of them. It is
// for entries that are put into the log of a stopped member.
const AnyTimeline = 1<<64 - 1

var (
	// ErrRestored refuses an entry that was proposed before a restore, and lies behind it in the log: what it names may be something
	// else in the state that was restored. It is refused wherever it is executed. It changes nothing, and the log goes on behind it.
	ErrRestored = errors.New("the state of the cluster was restored meanwhile, and this was not executed: look again at what is there now")
	// ErrMissedRestore refuses an entry that was proposed in a timeline which this state hasn't reached. Nothing behind it may be
	// executed either.
	ErrMissedRestore = errors.New("the state lacks a restore that the log has behind it")
)

// judgeTimeline refuses an entry of another timeline than the state's. Invariant: who proposes has the state up to an entry that
// was committed before, so that the state is never behind the entry's timeline.
func (m *Machine) judgeTimeline(h Header) error {
	switch {
	case h.Timeline == AnyTimeline || h.Timeline == m.timeline.ID:
		return nil
	case h.Timeline < m.timeline.ID:
		return ErrRestored
	}
	return fmt.Errorf("%w: the entry is of timeline %d, the state of %d", ErrMissedRestore, h.Timeline, m.timeline.ID)
}
