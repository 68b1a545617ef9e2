package main

import (
	"cmp"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows a person how far a long operation is. Its methods do nothing where stderr isn't a terminal.
type progress struct{ bar *progressbar.ProgressBar }

// progress begins one; total < 0 is not known.
func (p *program) progress(total int64, what, unit string) *progress {
	if !isTerminal(p.stderr) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
	)}
}

// add counts what was done. The bar's errors are a terminal's, which is no reason to stop.
func (g *progress) add(n int) {
	if g.bar != nil {
		_ = g.bar.Add(n)
	}
}

// stop takes the bar off the terminal.
func (g *progress) stop() {
	if g.bar != nil {
		_ = g.bar.Finish()
		_ = g.bar.Exit()
	}
}

// phases shows one bar after the other.
type phases struct {
	p     *program
	unit  string // of what is counted; empty: tasks
	phase string
	bar   *progress
}

// show moves the bar of a phase; total 0 is not known.
func (g *phases) show(phase string, done, total int64) {
	if g.bar == nil || g.phase != phase {
		g.stop()
		if total == 0 {
			total = -1
		}
		g.phase, g.bar = phase, g.p.progress(total, phase, cmp.Or(g.unit, "tasks"))
	}
	if g.bar.bar != nil {
		_ = g.bar.bar.Set64(done)
	}
}

func (g *phases) stop() {
	if g.bar != nil {
		g.bar.stop()
	}
}
