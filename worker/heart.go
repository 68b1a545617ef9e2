package worker

import (
	"sync"
	"time"
)

// heart counts the session's time to live. It counts from the sending of the last heartbeat that was answered, so that
// the worker gives its leases up before the servers do, whatever the way of the answer took. All times are monotonic.
type heart struct {
	mu       sync.Mutex // guards what follows
	ttl      time.Duration
	deadline time.Time // zero: no session, or it has passed
	sequence uint64
	sent     []beat // not answered
	last     time.Time
	list     bool // the servers want the list of leases,
	hurry    bool // and at once
}

type beat struct {
	sequence uint64
	at       time.Time
	list     bool
}

// welcome begins or goes on with a session, by a Hello that was sent at the time.
func (h *heart) welcome(sent time.Time, ttl time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ttl, h.deadline, h.last = ttl, sent.Add(ttl), sent
	h.sent, h.list, h.hurry = h.sent[:0], false, false
}

// due reports whether a beat is to be sent now, and takes it as sent.
func (h *heart) due(now time.Time) (sequence uint64, list, due bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ttl == 0 || (now.Sub(h.last) < h.interval() && !h.hurry) {
		return 0, false, false
	}
	h.sequence++
	list = h.list
	h.sent = append(h.sent, beat{h.sequence, now, list})
	h.last, h.list, h.hurry = now, false, false
	return h.sequence, list, true
}

// overdue reports whether the answer to a beat is missing for so long that another server should be tried.
func (h *heart) overdue(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sent) > 0 && now.Sub(h.sent[0].at) > h.ttl/3
}

// interval is the time between beats; at least three must go into a time to live. ttl is set once there is a session.
func (h *heart) interval() time.Duration { return h.ttl / 4 }

// step is how often to look whether a beat is due.
func (h *heart) step() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(h.interval()/4, time.Millisecond)
}

// answered takes in the answer to a beat.
func (h *heart) answered(sequence uint64, wantList bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, listed := 0, false
	for n < len(h.sent) && h.sent[n].sequence <= sequence {
		if d := h.sent[n].at.Add(h.ttl); d.After(h.deadline) {
			h.deadline = d
		}
		listed = h.sent[n].list
		n++
	}
	h.sent = append(h.sent[:0], h.sent[n:]...)
	h.list = h.list || wantList
	h.hurry = h.hurry || (wantList && !listed) // who has just got the list gets the next one with the next beat
}

// end is when the session's time to live passes.
func (h *heart) end() (at time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.deadline, !h.deadline.IsZero()
}

// expired reports once that the time to live has passed.
func (h *heart) expired(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deadline.IsZero() || now.Before(h.deadline) {
		return false
	}
	h.deadline = time.Time{}
	return true
}
