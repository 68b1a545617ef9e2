package render

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Schedule is a schedule with what its ticks make.
type Schedule struct {
	Name          string       `json:"name"`
	Expression    string       `json:"expression"`
	TimeZone      string       `json:"time_zone,omitempty"`
	JitterSeconds float64      `json:"jitter_seconds,omitempty"`
	StartAt       *time.Time   `json:"start_at,omitempty"`
	EndAt         *time.Time   `json:"end_at,omitempty"`
	Paused        bool         `json:"paused"`
	Revision      uint64       `json:"revision"`
	NextAt        *time.Time   `json:"next_at,omitempty"`
	NextDueAt     *time.Time   `json:"next_due_at,omitempty"`
	NextTimes     []*time.Time `json:"next_times,omitempty"`
	QueuedAt      *time.Time   `json:"queued_at,omitempty"`
	LiveTasks     uint32       `json:"live_tasks"`
	LiveTaskIDs   []string     `json:"live_task_ids,omitempty"`
	Misfire       string       `json:"misfire"`
	CatchUpTicks  uint32       `json:"catch_up_ticks,omitempty"`
	GraceSeconds  float64      `json:"grace_seconds"`
	Overlap       string       `json:"overlap"`
	HistoryTicks  uint32       `json:"history_ticks"`
	Task          Template     `json:"task"`
	CreatedAt     *time.Time   `json:"created_at,omitempty"`
	UpdatedAt     *time.Time   `json:"updated_at,omitempty"`
}

// Template is the task that a tick makes; what isn't there comes from the queue.
type Template struct {
	Queue           string            `json:"queue"`
	Kind            string            `json:"kind,omitempty"`
	Payload         json.RawMessage   `json:"payload,omitempty"`
	PayloadBase64   []byte            `json:"payload_base64,omitempty"`
	Priority        uint32            `json:"priority"`
	DelaySeconds    float64           `json:"delay_seconds,omitempty"`
	MaxAttempts     uint32            `json:"max_attempts,omitempty"`
	MaxWorkerDeaths uint32            `json:"max_worker_deaths,omitempty"`
	TimeoutSeconds  float64           `json:"timeout_seconds,omitempty"`
	TTLSeconds      float64           `json:"ttl_seconds,omitempty"`
	UniqueKey       string            `json:"unique_key,omitempty"`
	UniqueMode      string            `json:"unique_mode,omitempty"`
	UniqueWindow    float64           `json:"unique_window_seconds,omitempty"`
	FairKey         string            `json:"fair_key,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	TraceContext    string            `json:"trace_context,omitempty"`
	Backoff         *Backoff          `json:"backoff,omitempty"`
}

// NewSchedule renders the API's schedule.
func NewSchedule(s *rowlockv1.Schedule) Schedule {
	out := Schedule{
		Name: s.GetName(), Expression: s.GetSpec().GetExpression(), TimeZone: s.GetSpec().GetTimeZone(),
		JitterSeconds: s.GetSpec().GetJitterSeconds(), StartAt: stamp(s.GetSpec().GetStartAt()), EndAt: stamp(s.GetSpec().GetEndAt()),
		Paused: s.GetPaused(), Revision: s.GetRevision(), NextAt: stamp(s.GetNextAt()), NextDueAt: stamp(s.GetNextDueAt()),
		NextTimes: stamps(s.GetNextTimes()), QueuedAt: stamp(s.GetQueuedAt()), LiveTasks: s.GetLiveTasks(), LiveTaskIDs: s.GetLiveTaskIds(),
		Misfire: s.GetMisfire().GetPolicy().String(), CatchUpTicks: s.GetMisfire().GetCatchUpTicks(),
		GraceSeconds: s.GetMisfire().GetGraceSeconds(), Overlap: s.GetOverlap().String(), HistoryTicks: s.GetHistoryTicks(),
		Task: template(s.GetTask()), CreatedAt: stamp(s.GetCreatedAt()), UpdatedAt: stamp(s.GetUpdatedAt()),
	}
	return out
}

func template(t *rowlockv1.NewTask) Template {
	payload := Bytes(t.GetPayload())
	out := Template{
		Queue: t.GetQueue(), Kind: t.GetKind(), Payload: payload.asJSON(), PayloadBase64: payload.asBase64(), Priority: t.GetPriority(),
		DelaySeconds: t.GetDelaySeconds(), MaxAttempts: t.GetMaxAttempts(), MaxWorkerDeaths: t.GetMaxWorkerDeaths(),
		TimeoutSeconds: t.GetTimeoutSeconds(), TTLSeconds: t.GetTtlSeconds(), UniqueKey: t.GetUniqueKey(),
		UniqueWindow: t.GetUniqueWindowSeconds(), FairKey: t.GetFairKey(), Labels: t.GetLabels(), TraceContext: t.GetTraceContext(),
		Backoff: backoff(t.GetBackoff()),
	}
	if out.UniqueKey != "" {
		out.UniqueMode = t.GetUniqueMode().String()
	}
	return out
}

func stamps(list []*timestamppb.Timestamp) []*time.Time {
	out := make([]*time.Time, 0, len(list))
	for _, t := range list {
		out = append(out, stamp(t))
	}
	return out
}

// NewSchedules renders a page.
func NewSchedules(ss []*rowlockv1.Schedule) []Schedule {
	schedules := make([]Schedule, len(ss))
	for i, s := range ss {
		schedules[i] = NewSchedule(s)
	}
	return schedules
}

// Schedules shows schedules to people.
func Schedules(now time.Time) func(*Table, []Schedule) {
	return func(t *Table, page []Schedule) {
		t.Head("name", "expression", "zone", "queue", "kind", "next", "live", "overlap", "misfire")
		for _, s := range page {
			t.Row(s.Name, s.Expression, s.zone(), s.Task.Queue, orDash(s.Task.Kind), s.next(now), s.LiveTasks, hyphens(s.Overlap), s.misfire())
		}
	}
}

func (s Schedule) zone() string {
	if s.TimeZone == "" {
		return "UTC"
	}
	return s.TimeZone
}

func (s Schedule) next(now time.Time) string {
	switch {
	case s.Paused:
		return "paused"
	case s.NextAt == nil:
		return "ended"
	}
	return s.local(s.NextAt, now)
}

// local shows a time on the clock of the schedule's zone.
func (s Schedule) local(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	if zone, err := time.LoadLocation(s.TimeZone); err == nil {
		there := t.In(zone)
		t = &there
	}
	return Clock(t, now)
}

func (s Schedule) misfire() string {
	if s.CatchUpTicks > 0 {
		return fmt.Sprintf("catch-up %d", s.CatchUpTicks)
	}
	return hyphens(s.Misfire)
}

// hyphens writes a word of the API as the flags do.
func hyphens(word string) string { return strings.ReplaceAll(word, "_", "-") }

// shownTasks is how many of a schedule's live tasks people see; -o json has all.
const shownTasks = 10

// Table shows one schedule to people.
func (s Schedule) Table(t *Table, now time.Time) {
	t.Pair("name", s.Name)
	t.Pair("expression", s.Expression)
	t.Pair("zone", s.zone())
	t.Pair("jitter", seconds(s.JitterSeconds))
	t.Pair("start", s.local(s.StartAt, now))
	t.Pair("end", s.local(s.EndAt, now))
	if s.Paused {
		t.Pair("paused", "yes")
	}
	if len(s.NextTimes) == 0 {
		t.Pair("next", s.next(now))
	}
	for _, at := range s.NextTimes {
		t.Pair("next", s.local(at, now))
	}
	t.Pair("waits", s.local(s.QueuedAt, now))
	if n := len(s.LiveTaskIDs); n > shownTasks {
		t.Pair("live tasks", fmt.Sprintf("%s and %d more", strings.Join(s.LiveTaskIDs[:shownTasks], ", "), n-shownTasks))
	} else {
		t.Pair("live tasks", strings.Join(s.LiveTaskIDs, ", "))
	}
	t.Pair("overlap", hyphens(s.Overlap))
	t.Pair("misfire", fmt.Sprintf("%s beyond %s", s.misfire(), seconds(s.GraceSeconds)))
	t.Pair("history", Count(s.HistoryTicks, "tick"))
	t.Pair("queue", s.Task.Queue)
	t.Pair("kind", s.Task.Kind)
	t.Pair("payload", Bytes(append(s.Task.Payload, s.Task.PayloadBase64...)).text(payloadShown))
	t.Pair("priority", fmt.Sprint(s.Task.Priority))
	t.Pair("delay", seconds(s.Task.DelaySeconds))
	if s.Task.MaxAttempts > 0 {
		t.Pair("max attempts", fmt.Sprint(s.Task.MaxAttempts))
	}
	t.Pair("timeout", seconds(s.Task.TimeoutSeconds))
	t.Pair("time to live", seconds(s.Task.TTLSeconds))
	t.Pair("unique key", s.Task.UniqueKey)
	t.Pair("fair key", s.Task.FairKey)
	t.Pair("labels", labels(s.Task.Labels))
	t.Pair("backoff", s.Task.Backoff.text())
	if s.Revision > 0 {
		t.Pair("revision", fmt.Sprint(s.Revision))
	}
	t.Pair("created", Clock(s.CreatedAt, now))
	t.Pair("updated", Clock(s.UpdatedAt, now))
}
