package main

import (
	"sync"
)

// ledger keeps what the producers were told and what the worker ran, for the audit.
type ledger struct {
	mu      sync.Mutex     // guards what follows
	acked   map[string]int // task IDs, by how many calls got them
	failed  int            // calls whose outcome isn't known, or that were refused
	runs    int
	runSeen map[string]bool // tasks that a handler has begun
}

func newLedger() *ledger { return &ledger{acked: map[string]int{}, runSeen: map[string]bool{}} }

func (l *ledger) ack(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[id]++
}

func (l *ledger) fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed++
}

func (l *ledger) run(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs++
	l.runSeen[id] = true
}
