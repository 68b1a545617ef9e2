package rpc

import (
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

const (
	// maxCompanions is how many Lease commands are added to one entry at most.
	maxCompanions = 32
	// maxArrivals is how many pairs of queue and kind are told apart in one entry; the rest is leased after it.
	maxArrivals = 16
)

// arrival counts the tasks of an entry that become pending at once.
type arrival struct {
	queue, kind string
	count       int
}

// Companions adds Lease commands for the tasks that an entry brings, so that tasks for which a worker waits are
// enqueued and leased by one write. It runs before the entry is sealed and doesn't block.
func (d *dispatcher) Companions(cs []task.Command) []raftfsm.Companion {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.takers) == 0 {
		return nil
	}
	var buf [maxArrivals]arrival
	arrivals := buf[:0]
	for _, c := range cs {
		switch e := task.Inner(c).(type) {
		case *task.Enqueue:
			arrivals = d.arrive(arrivals, e.Tasks)
		case *task.EnqueueGraph:
			arrivals = d.arrive(arrivals, e.Tasks)
		}
	}
	var out []raftfsm.Companion
	for i := range arrivals {
		out = d.meet(out, &arrivals[i])
	}
	return out
}

func (d *dispatcher) arrive(list []arrival, tasks []task.NewTask) []arrival {
	last := -1
	for i := range tasks {
		t := &tasks[i]
		if t.Delay > 0 || t.RunAt > 0 || len(t.DependsOn)+len(t.Edges) > 0 {
			continue
		}
		if last < 0 || list[last].queue != t.Queue || list[last].kind != t.Kind {
			if last, list = find(list, t); last < 0 {
				continue
			}
		}
		list[last].count++
	}
	return list
}

// find returns the place of a task's queue and kind in the list, to which it is added if there is room; -1 if not.
func find(list []arrival, t *task.NewTask) (int, []arrival) {
	for i := range list {
		if list[i].queue == t.Queue && list[i].kind == t.Kind {
			return i, list
		}
	}
	if len(list) == maxArrivals {
		return -1, list
	}
	return len(list), append(list, arrival{queue: t.Queue, kind: t.Kind})
}

// meet divides the tasks of an arrival among the takers that have room for them.
func (d *dispatcher) meet(out []raftfsm.Companion, a *arrival) []raftfsm.Companion {
	l := d.lines[a.queue]
	if l == nil {
		return out
	}
	sharing := 0
	for _, t := range l.takers {
		if t.room() > 0 && t.takes(a.kind) {
			sharing++
		}
	}
	if sharing == 0 {
		return out
	}
	part, left := (a.count+sharing-1)/sharing, a.count
	l.each(func(t *taker) bool {
		n := min(t.room(), part, left)
		if n <= 0 || !t.takes(a.kind) {
			return true
		}
		left -= n
		cmd := t.ask(n)
		out = append(out, raftfsm.Companion{Command: cmd, Done: func(r task.Result, err error) { d.granted(t, n, r, err) }})
		d.metrics.companions.Inc()
		return left > 0 && len(out) < maxCompanions
	})
	return out
}

// Applied takes note of what an entry did. It runs on the apply goroutine, after the answers of that entry.
func (d *dispatcher) Applied(eff task.Effects) {
	d.metrics.batches.applied(&eff)
	d.mu.Lock()
	for i := range eff.Revoked {
		r := &eff.Revoked[i]
		if w := d.streams[r.Session]; w != nil {
			w.revoked(r.ID, r.Token, r.Why.String())
			w.taker.held--
			d.touch(w.taker)
			d.push(w.taker)
		}
	}
	for _, r := range eff.Stopping {
		if w := d.streams[r.Session]; w != nil {
			w.stop(r.Lease)
		}
	}
	d.close(eff.Closed)
	for _, session := range eff.Drained {
		d.drain(session)
	}
	for _, name := range eff.Ready {
		if l := d.lines[name]; l != nil {
			for _, t := range l.takers {
				t.starved = false
			}
			l.unseen = len(l.takers)
			d.pushLine(l)
		}
	}
	touched := len(d.touched) > 0
	d.mu.Unlock()
	if touched {
		d.settleCounts()
	}
	if len(eff.Ready) > 0 {
		d.signal()
	}
}

// settleCounts takes over the machine's count of the touched takers' leases. A taker's own count follows the answers to
// its commands and the revocations, but doesn't see what unary calls do to its leases. The two are comparable here and
// only here: this is the goroutine that applies, after it has delivered the answers of the entry.
func (d *dispatcher) settleCounts() {
	d.mu.Lock()
	list := append(d.settling[:0], d.touched...)
	d.touched = d.touched[:0]
	d.mu.Unlock()
	held := d.counts[:0]
	d.node.Machine(func(m *task.Machine) {
		for _, t := range list {
			n, _, _ := m.SessionHeld(t.session)
			held = append(held, n)
		}
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, t := range list {
		t.touched = false
		if t.held != held[i] {
			t.held = held[i]
			d.push(t)
		}
	}
	clear(list)
	d.settling, d.counts = list, held
	if len(d.dirty) > 0 {
		d.signal()
	}
}

// close ends the takers of sessions that have ended. Needs mu.
func (d *dispatcher) close(sessions []uint64) {
	if len(sessions) == 0 {
		return
	}
	d.ended(sessions)
	for _, id := range sessions {
		if w := d.streams[id]; w != nil {
			w.sessionEnded()
		}
		for t := range d.takers {
			if t.session == id && !t.counted {
				t.deliver(nil, task.UnknownSession)
			}
		}
	}
}
