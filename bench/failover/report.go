package main

import (
	"fmt"
	"io"
	"time"

	"github.com/rowlock/rowlock/bench/load"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

// report is what was measured.
type report struct {
	WriteGapMs    *load.Percentiles `json:"write_gap_ms"`
	ProducerGapMs *load.Percentiles `json:"producer_gap_ms"`
	PickupGapMs   *load.Percentiles `json:"pickup_gap_ms"`

	Audit    *findings    `json:"audit"`
	Settings config       `json:"settings"`
	Machine  load.Machine `json:"machine"`
	Trials   []trial      `json:"trials"`
}

func newReport(c config, trials []trial, f *findings) *report {
	of := func(gap func(trial) time.Duration) *load.Percentiles {
		gaps := make([]time.Duration, len(trials))
		for i, t := range trials {
			gaps[i] = gap(t)
		}
		return load.PercentilesOf(gaps)
	}
	return &report{
		WriteGapMs:    of(func(t trial) time.Duration { return t.write }),
		ProducerGapMs: of(func(t trial) time.Duration { return t.producer }),
		PickupGapMs:   of(func(t trial) time.Duration { return t.pickup }),
		Audit:         f, Settings: c, Machine: load.ThisMachine(), Trials: trials,
	}
}

// print writes the report for programs, or tables for people.
func (r *report) print(w io.Writer, format render.Format) error {
	if format != render.People {
		return render.Write(w, format, r)
	}
	if err := r.gaps().Write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return r.rest().Write(w)
}

func (r *report) gaps() *render.Table {
	var t render.Table
	t.Head("longest gap", "p50 ms", "p99 ms", "max ms")
	row := func(name string, p *load.Percentiles) { t.Row(name, whole(p.P50), whole(p.P99), whole(p.Max)) }
	row("writes", r.WriteGapMs)
	row("slowest producer", r.ProducerGapMs)
	row("pick-ups", r.PickupGapMs)
	return &t
}

func (r *report) rest() *render.Table {
	var t render.Table
	a, s, m := r.Audit, r.Settings, r.Machine
	t.Pair("acknowledged", fmt.Sprintf("%d, of which lost: %d", a.Acked, a.Lost))
	t.Pair("completed", fmt.Sprintf("%d, twice: %d, unasked: %d", a.Completed, a.CompletedTwice, a.Unasked))
	t.Pair("enqueued twice", fmt.Sprint(a.EnqueuedTwice+a.Shared))
	t.Pair("failed calls", fmt.Sprint(a.FailedCalls))
	t.Pair("run again", fmt.Sprint(a.Reruns))
	t.Pair("settings", fmt.Sprintf("%d trials, signal %s, profile %s, %d producers, %g tasks per second", s.Trials, s.Signal, s.Profile, s.Producers, s.Rate))
	t.Pair("machine", fmt.Sprintf("%d CPUs, %s, %s/%s", m.CPUs, m.Go, m.OS, m.Arch))
	return &t
}

func whole(n float64) string { return fmt.Sprintf("%.0f", n) }
