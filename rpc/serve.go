package rpc

import (
	"github.com/rowlock/rowlock/task"
)

// maxCandidates is how many takers, or lines, one look at the machine covers.
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
	for d.busy() {
		list = d.candidates(list[:0], d.pendingLines())
		if len(list) == 0 {
			continue
		}
		d.node.Machine(func(m *task.Machine) {
			for i := range list {
				list[i].pending = m.PendingFor(list[i].session)
			}
		})
		d.propose(d.share(list))
	}
}

// busy reports whether somebody is dirty. Every turn of serve takes some of the dirty ones, and only answers and entries
// make new ones.
func (d *dispatcher) busy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.dirty)+len(d.dirtyLines) > 0
}

// pendingLines takes the dirty lines and returns those whose queue has something to lease. Most have not: the Lease that
// travelled with the tasks has taken all.
func (d *dispatcher) pendingLines() []*line {
	d.mu.Lock()
	n := min(len(d.dirtyLines), maxCandidates)
	lines := d.dirtyLines[:n:n]
	d.dirtyLines = d.dirtyLines[n:]
	for _, l := range lines {
		l.queued = false
	}
	d.mu.Unlock()
	if n == 0 {
		return nil
	}
	some := lines[:0]
	d.node.Machine(func(m *task.Machine) {
		for _, l := range lines {
			if q, ok := m.Queue(l.name); ok && q.Mode != task.QueuePaused && q.Live[task.Pending] > 0 {
				some = append(some, l)
			}
		}
	})
	return some
}

// candidates takes dirty takers, and of the lines those with room.
func (d *dispatcher) candidates(list []candidate, lines []*line) []candidate {
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
	for _, l := range lines {
		most := len(list) + maxCandidates
		l.unseen = min(l.unseen, len(l.takers))
		l.each(func(t *taker) bool {
			if l.unseen == 0 {
				return false
			}
			l.unseen--
			if t.room() > 0 {
				list = append(list, candidate{taker: t, line: l})
			}
			return len(list) < most
		})
		if l.unseen > 0 {
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
		if c.starved = c.pending == 0; c.starved {
			continue
		}
		sharing := uint64(1)
		for k := range list {
			if c.line != nil && k != i && list[k].line == c.line && list[k].pending > 0 {
				sharing++
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
