package raftfsm

import (
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// stuckTransfer is how long a leader may answer nothing but that it is handing over its leadership.
const stuckTransfer = 5 * time.Second

// transferGuard ends a leader that is stuck in a failed transfer of leadership (raft#696): it keeps its followers by
// heartbeats and answers nothing.
type transferGuard struct {
	probe func() error // proposes something harmless
	fatal *fatal

	mu    sync.Mutex // guards timer
	timer *time.Timer
}

// answer takes note of raft's answer to a proposal.
func (g *transferGuard) answer(err error) {
	stuck := errors.Is(err, raft.ErrLeadershipTransferInProgress)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case stuck && g.timer == nil:
		g.timer = time.AfterFunc(stuckTransfer, g.check)
	case !stuck && g.timer != nil:
		g.timer.Stop()
		g.timer = nil
	}
}

func (g *transferGuard) check() {
	err := g.probe()
	if errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		g.fatal.fail("hand over leadership", err)
		return
	}
	g.answer(err)
}

func (g *transferGuard) stop() { g.answer(nil) }
