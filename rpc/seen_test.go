package rpc

import (
	"context"
	"errors"
	"testing"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

// aged is a node whose state has been restored.
type aged struct {
	Node
	timeline uint64
}

func (a aged) Submit(cs []task.Command, _ bool, done func([]task.Result, error)) {
	done(make([]task.Result, len(cs)), nil)
}

func (a aged) SubmitSeen(timeline uint64, cs []task.Command, urgent bool, done func([]task.Result, error)) {
	if timeline != a.timeline {
		done(nil, raftfsm.ErrRestored)
		return
	}
	a.Submit(cs, urgent, done)
}

// TestCallsAreOfTheirTimeline: whatever a call proposes is of the timeline that it began in; what a stream proposes, of the one that is
// there.
func TestCallsAreOfTheirTimeline(t *testing.T) {
	n := aged{timeline: 2}
	one, two := []task.Command{&task.Tick{}}, []task.Command{&task.Tick{}, &task.Tick{}}
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"before the restore": {beginCall(t.Context(), 1), raftfsm.ErrRestored},
		"behind it":          {beginCall(t.Context(), 2), nil},
		"a stream":           {t.Context(), nil},
	} {
		for _, cs := range [][]task.Command{one, two} {
			if _, err := submit(c.ctx, n, cs, false); !errors.Is(err, c.want) {
				t.Errorf("%s: %d commands: %v, want %v", name, len(cs), err, c.want)
			}
		}
	}
}
