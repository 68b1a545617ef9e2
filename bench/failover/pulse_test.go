package main

import (
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	zero := time.Now()
	at := func(seconds int) time.Time { return zero.Add(time.Duration(seconds) * time.Second) }
	var p pulse
	p.beat(at(0))
	p.beat(at(50)) // nobody watches
	p.watch()
	p.beat(at(53)) // began before
	p.beat(at(54))
	if p.beatenSince(at(54)) || !p.beatenSince(at(53)) {
		t.Error("the last beat was at 54 s")
	}
	if got := p.gap(at(55)); got != 3*time.Second {
		t.Errorf("gap %s, want 3s", got)
	}
	p.watch()
	p.beat(at(56))
	if got := p.gap(at(65)); got != 9*time.Second {
		t.Errorf("gap %s, want the 9s that still go on", got)
	}
}
