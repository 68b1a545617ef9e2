package render

import (
	"fmt"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Tick is what became of a tick of a schedule.
type Tick struct {
	NominalAt     *time.Time `json:"nominal_at"`
	Outcome       string     `json:"outcome"`
	Origin        string     `json:"origin"`
	TaskID        string     `json:"task_id,omitempty"`
	LateSeconds   float64    `json:"late_seconds"`
	Reason        string     `json:"reason,omitempty"`
	Message       string     `json:"message,omitempty"`
	MissedTicks   uint32     `json:"missed_ticks,omitempty"`
	LastNominalAt *time.Time `json:"last_nominal_at,omitempty"`
}

// NewTicks renders a page.
func NewTicks(ts []*rowlockv1.ScheduleTick) []Tick {
	ticks := make([]Tick, len(ts))
	for i, t := range ts {
		ticks[i] = Tick{
			NominalAt: stamp(t.GetNominalAt()), Outcome: t.GetOutcome(), Origin: t.GetOrigin(), TaskID: t.GetTaskId(),
			LateSeconds: t.GetLateSeconds(), Reason: t.GetReason(), Message: t.GetMessage(), MissedTicks: t.GetMissedTicks(),
			LastNominalAt: stamp(t.GetLastNominalAt()),
		}
	}
	return ticks
}

// Ticks shows ticks to people.
func Ticks(t *Table, page []Tick) {
	t.Head("nominal time", "outcome", "origin", "task", "late", "why")
	for _, k := range page {
		t.Row(k.NominalAt.Format(time.RFC3339), k.Outcome, k.Origin, orDash(k.TaskID), Span(time.Duration(k.LateSeconds*float64(time.Second))), k.why())
	}
}

func (k Tick) why() string {
	switch {
	case k.MissedTicks > 1:
		return fmt.Sprintf("late: %d ticks up to %s", k.MissedTicks, k.LastNominalAt.Format(time.RFC3339))
	case k.MissedTicks == 1:
		return "late"
	case k.Outcome == "queued":
		return "waits for the task to end"
	}
	return k.Message
}

// Backfilled is what became of one tick of a backfill.
type Backfilled struct {
	NominalAt *time.Time `json:"nominal_at"`
	TaskID    string     `json:"task_id,omitempty"`
	Error     *Status    `json:"error,omitempty"`
}

// NewBackfill renders the API's results.
func NewBackfill(rs []*rowlockv1.BackfillResult) []Backfilled {
	out := make([]Backfilled, len(rs))
	for i, r := range rs {
		out[i] = Backfilled{NominalAt: stamp(r.GetNominalAt()), TaskID: r.GetTaskId(), Error: NewStatus(r.GetError())}
	}
	return out
}

// Backfill shows them to people.
func Backfill(t *Table, page []Backfilled) {
	t.Head("nominal time", "task", "result")
	for _, r := range page {
		result := ""
		switch {
		case r.Error != nil:
			result = r.Error.Message
		case r.TaskID != "":
			result = "made"
		}
		t.Row(r.NominalAt.Format(time.RFC3339), orDash(r.TaskID), result)
	}
}
