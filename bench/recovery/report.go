package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/rowlock/rowlock/bench/load"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

// report is what was measured.
type report struct {
	PeakPerS float64 `json:"peak_per_s"`
	// At half of the peak: without and with backups being saved.
	Quiet       steady    `json:"quiet"`
	During      steady    `json:"during_backups"`
	BusySeconds []float64 `json:"busy_save_seconds"` // of each backup under load

	// Of a server at rest.
	StateBytes     int64   `json:"state_bytes"`
	BackupBytes    int64   `json:"backup_bytes"`
	SaveSeconds    float64 `json:"save_seconds"`
	VerifySeconds  float64 `json:"verify_seconds"`
	RestoreSeconds float64 `json:"restore_seconds"` // into a new data directory
	ServingSeconds float64 `json:"serving_seconds"` // from the beginning of that to the first acknowledged task
	OnlineSeconds  float64 `json:"online_restore_seconds"`

	Settings config       `json:"settings"`
	Machine  load.Machine `json:"machine"`
}

// print writes the report for programs, or tables for people.
func (r *report) print(w io.Writer, format render.Format) error {
	if format != render.People {
		return render.Write(w, format, r)
	}
	var t render.Table
	t.Head("half of the peak", "tasks/s", "p50 ms", "p99 ms", "max ms")
	row := func(name string, s steady) {
		t.Row(name, fmt.Sprintf("%.0f", s.PerS), ms(s.AckMs.P50), ms(s.AckMs.P99), ms(s.AckMs.Max))
	}
	row("without a backup", r.Quiet)
	row(fmt.Sprintf("during %d backups", len(r.BusySeconds)), r.During)
	if err := t.Write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return r.rest().Write(w)
}

func (r *report) rest() *render.Table {
	var t render.Table
	mib := func(bytes int64, seconds float64) string {
		return fmt.Sprintf("%.1f s, %.0f MB/s of state", seconds, float64(bytes)/1e6/seconds)
	}
	t.Pair("peak", fmt.Sprintf("%.0f tasks/s", r.PeakPerS))
	t.Pair("backup", fmt.Sprintf("%.1f MB of a state of %.1f MB", float64(r.BackupBytes)/1e6, float64(r.StateBytes)/1e6))
	t.Pair("save under load", list("%.1f s", r.BusySeconds))
	t.Pair("p99 of each round", list("%.1f", r.Quiet.RoundP99Ms)+" ms without, "+list("%.1f", r.During.RoundP99Ms)+" ms with")
	t.Pair("save", mib(r.StateBytes, r.SaveSeconds))
	t.Pair("verify", mib(r.StateBytes, r.VerifySeconds))
	t.Pair("restore", mib(r.StateBytes, r.RestoreSeconds))
	t.Pair("restored and serving after", fmt.Sprintf("%.1f s", r.ServingSeconds))
	t.Pair("restored online in", fmt.Sprintf("%.1f s", r.OnlineSeconds))
	t.Pair("settings", fmt.Sprintf("%d tasks, %d loads of %g s of each kind, backups at nice %d", r.Settings.Tasks, r.Settings.Rounds, r.Settings.WindowSeconds, r.Settings.Nice))
	t.Pair("machine", fmt.Sprintf("%d CPUs, %s, %s/%s", r.Machine.CPUs, r.Machine.Go, r.Machine.OS, r.Machine.Arch))
	return &t
}

func ms(n float64) string { return fmt.Sprintf("%.2f", n) }

func list(format string, ns []float64) string {
	var b strings.Builder
	for i, n := range ns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, format, n)
	}
	return b.String()
}
