package rpc

import (
	"github.com/rowlock/rowlock/task"
)

// maxCandidates is how many takers one look at the machine covers.
const maxCandidates = 64

// candidate is a taker that may be given leases.
type candidate struct {
	*taker
	line    *line  // whose turn it came by; nil: its own
	pending uint64 // what there is for it
}

// serve proposes leases until nobody dirty is left.
func (d *dispatcher) serve() {
	var list []candidate
	for {
		list = d.candidates(list[:0])
		if len(list) == 0 {
			return
		}
		d.node.Machine(func(m *task.Machine) {
			for i := range list {
				list[i].pending = m.PendingFor(list[i].session)
			}
		})
		d.propose(d.share(list))
	}
}

// candidates takes dirty takers, and of dirty lines those with room.
func (d *dispatcher) candidates(list []candidate) []candidate {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.dirty) > 0 && len(list) < maxCandidates {
		t := d.dirty[0]
		d.dirty = d.dirty[1:]
		t.queued = false
		if t.room() > 0 {
			list = append(list, candidate{taker: t})
		}
	}
	for len(d.dirtyLines) > 0 && len(list) < maxCandidates {
		l := d.dirtyLines[0]
		d.dirtyLines = d.dirtyLines[1:]
		l.queued = false
		seen := 0
		l.each(func(t *taker) bool {
			seen++
			if t.room() > 0 {
				list = append(list, candidate{taker: t, line: l})
			}
			return len(list) < maxCandidates
		})
		if seen < len(l.takers) {
			d.pushLine(l)
		}
	}
	return list
}

func (d *dispatcher) pushLine(l *line) {
	if !l.queued {
		l.queued = true
		d.dirtyLines = append(d.dirtyLines, l)
	}
}

// asking is a Lease command to propose.
type asking struct {
	taker *taker
	n     int
	cmd   task.Command
}

// share divides what is pending among the candidates: takers of one line get the same.
func (d *dispatcher) share(list []candidate) []asking {
	d.mu.Lock()
	defer d.mu.Unlock()
	var asks []asking
	for i := range list {
		c := &list[i]
		if c.pending == 0 {
			c.starved = true
			continue
		}
		c.starved = false
		sharing := uint64(1)
		if c.line != nil {
			for k := range list {
				if k != i && list[k].line == c.line && list[k].pending > 0 {
					sharing++
				}
			}
		}
		part := (c.pending + sharing - 1) / sharing
		if n := min(c.room(), int(min(part, grantMax))); n > 0 {
			asks = append(asks, asking{c.taker, n, c.ask(n)})
		}
	}
	return asks
}

// propose submits Lease commands. Those of one look travel together.
func (d *dispatcher) propose(asks []asking) {
	if len(asks) == 0 {
		return
	}
	cs := make([]task.Command, len(asks))
	for i := range asks {
		cs[i] = asks[i].cmd
	}
	d.node.Submit(cs, true, func(rs []task.Result, err error) {
		for i := range asks {
			d.granted(asks[i].taker, asks[i].n, resultAt(rs, i), err)
		}
	})
}
