package main

import (
	"sync"
	"time"
)

// pulse is a series of events that should never pause for long, and its longest pause while it is watched.
type pulse struct {
	mu      sync.Mutex // guards what follows
	last    time.Time
	watched bool
	longest time.Duration
}

// beat takes note of an event.
func (p *pulse) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watched && !p.last.IsZero() {
		p.longest = max(p.longest, now.Sub(p.last))
	}
	p.last = now
}

// watch begins a measurement. A pause that goes on already counts from its beginning.
func (p *pulse) watch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched, p.longest = true, 0
}

// beatenSince reports whether there was an event after a time.
func (p *pulse) beatenSince(at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last.After(at)
}

// gap ends the measurement and returns the longest pause, which may be the one that still goes on.
func (p *pulse) gap(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched = false
	return max(p.longest, now.Sub(p.last))
}
