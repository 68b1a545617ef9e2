package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// ScheduleInfo is a schedule as seen at one moment. Times that don't apply are zero.
type ScheduleInfo struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
	TimeZone   string `json:"time_zone,omitempty"` // empty: UTC
	// Jitter is by how much at most a tick is due after its nominal time.
	Jitter  time.Duration `json:"-"` // JSON has jitter_seconds
	StartAt time.Time     `json:"start_at,omitzero"`
	EndAt   time.Time     `json:"end_at,omitzero"`
	Queue   string        `json:"queue"`
	Kind    string        `json:"kind"`
	// Payload is the template of the tasks' payloads; lists leave it out.
	Payload []byte        `json:"payload,omitempty"`
	Misfire Misfire       `json:"misfire"`
	CatchUp int           `json:"catch_up_ticks,omitempty"`
	Grace   time.Duration `json:"-"` // JSON has grace_seconds
	Overlap Overlap       `json:"overlap"`
	// HistoryTicks is how many ticks the history keeps at least.
	HistoryTicks int    `json:"history_ticks"`
	Paused       bool   `json:"paused"`
	Revision     uint64 `json:"revision"` // counts the puts
	// NextAt is the nominal time of the tick that comes next, NextDueAt when it is due; NextTimes are it and those that
	// follow, five where there are as many. Lists leave NextTimes out.
	NextAt    time.Time   `json:"next_at,omitzero"`
	NextDueAt time.Time   `json:"next_due_at,omitzero"`
	NextTimes []time.Time `json:"next_times,omitempty"`
	// QueuedAt is the nominal time of the tick that waits for the tasks before it.
	QueuedAt time.Time `json:"queued_at,omitzero"`
	// LiveTasks is how many of its tasks haven't ended, without backfilled ones; LiveTaskIDs are they, oldest first. Lists
	// leave the IDs out.
	LiveTasks   int       `json:"live_tasks"`
	LiveTaskIDs []string  `json:"live_task_ids,omitempty"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"` // of the last put
}

// MarshalJSON uses the API's names.
func (s ScheduleInfo) MarshalJSON() ([]byte, error) {
	type plain ScheduleInfo
	return json.Marshal(struct {
		plain
		JitterSeconds float64 `json:"jitter_seconds,omitzero"`
		GraceSeconds  float64 `json:"grace_seconds"`
	}{plain(s), s.Jitter.Seconds(), s.Grace.Seconds()})
}

// Misfire is what becomes of ticks that are late by more than the grace, as after a time without a leader.
type Misfire string

// The policies.
const (
	MisfireFireOnce Misfire = "fire_once" // the last of the late ticks fires, in place of all
	MisfireSkip     Misfire = "skip"      // none fires
	MisfireCatchUp  Misfire = "catch_up"  // up to a number of them fire, the last ones
)

// Overlap is what a tick does while a task of an earlier one hasn't ended.
type Overlap string

// The policies.
const (
	OverlapSkip      Overlap = "skip"      // it is skipped
	OverlapAllow     Overlap = "allow"     // it makes another task, up to 1,000 at a time
	OverlapQueueOne  Overlap = "queue_one" // it waits until those tasks have ended; further ticks are skipped meanwhile
	OverlapTerminate Overlap = "terminate" // it cancels those tasks, and starts at once
	// OverlapCancel cancels those tasks and starts when their workers have stopped; the newest of the ticks meanwhile counts.
	OverlapCancel Overlap = "cancel"
)

// ScheduleTick is what became of a tick.
type ScheduleTick struct {
	NominalAt time.Time `json:"nominal_at,omitzero"`
	// Outcome is fired, skipped, missed or queued; Origin is tick, trigger or backfill.
	Outcome string `json:"outcome"`
	Origin  string `json:"origin"`
	// TaskID is the task that was made, or that is in the way.
	TaskID string        `json:"task_id,omitempty"`
	Late   time.Duration `json:"-"` // after it was due; JSON has late_seconds
	// Reason says why it was skipped, for programs; Message does for people.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// MissedTicks is how many ticks one after the other were missed, up to LastNominalAt; above 1,000, at least as many.
	MissedTicks   int       `json:"missed_ticks,omitempty"`
	LastNominalAt time.Time `json:"last_nominal_at,omitzero"`
}

// MarshalJSON uses the API's names.
func (t ScheduleTick) MarshalJSON() ([]byte, error) {
	type plain ScheduleTick
	return json.Marshal(struct {
		plain
		LateSeconds float64 `json:"late_seconds"`
	}{plain(t), t.Late.Seconds()})
}

// Schedules is for schedules: they make a task at each of their ticks, once, whichever server leads.
type Schedules struct {
	service rowlockv1.ScheduleServiceClient
}

// Schedules returns the calls for schedules.
func (c *Client) Schedules() Schedules { return Schedules{c.schedules} }

// Put creates a schedule, or replaces the one with this name; one that is paused stays so. The expression is cron's, with
// five or six fields, @hourly, @daily, @weekly, @monthly, @yearly, or "@every 90s". Each tick enqueues a task with args,
// in whose JSON {{nominal_time}}, {{nominal_unix}} and {{schedule}} are filled in; see TaskOptions for its options.
func (s Schedules) Put(ctx context.Context, name, expression string, args Args, options ...ScheduleOption) (*ScheduleInfo, error) {
	t, err := build(args, nil)
	if err != nil {
		return nil, err
	}
	req := &rowlockv1.PutScheduleRequest{
		Name: name, Spec: &rowlockv1.ScheduleSpec{Expression: expression}, Task: t, Misfire: &rowlockv1.Misfire{}, RequestId: rand.Text(),
	}
	for _, o := range options {
		if err := o(req); err != nil {
			return nil, err
		}
	}
	resp, err := s.service.PutSchedule(ctx, req)
	if err != nil {
		return nil, err
	}
	return scheduleOf(resp.GetSchedule()), nil
}

// Get returns a schedule; ErrNotFound if there is none.
func (s Schedules) Get(ctx context.Context, name string) (*ScheduleInfo, error) {
	resp, err := s.service.GetSchedule(ctx, &rowlockv1.GetScheduleRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return scheduleOf(resp.GetSchedule()), nil
}

// Page returns up to limit schedules (1 to 1,000; 100 where zero) whose names begin with a prefix, by name, and the cursor
// of the next page; "" after the last.
func (s Schedules) Page(ctx context.Context, prefix, cursor string, limit int) ([]*ScheduleInfo, string, error) {
	resp, err := s.service.ListSchedules(ctx, &rowlockv1.ListSchedulesRequest{Prefix: prefix, Cursor: cursor, Limit: bounded(limit)})
	if err != nil {
		return nil, "", err
	}
	list := make([]*ScheduleInfo, 0, len(resp.GetSchedules()))
	for _, p := range resp.GetSchedules() {
		list = append(list, scheduleOf(p))
	}
	return list, resp.GetNextCursor(), nil
}

// List goes through the schedules whose names begin with a prefix, by name. It ends after the first error.
func (s Schedules) List(ctx context.Context, prefix string) iter.Seq2[*ScheduleInfo, error] {
	return pages("", func(cursor string) ([]*ScheduleInfo, string, error) { return s.Page(ctx, prefix, cursor, 0) })
}

// Pause stops a schedule. The ticks that would come meanwhile don't exist: they are neither fired later nor missed.
func (s Schedules) Pause(ctx context.Context, name string) error {
	_, err := s.service.PauseSchedule(ctx, &rowlockv1.PauseScheduleRequest{Name: name, RequestId: rand.Text()})
	return err
}

// Resume ends Pause, with the first tick from now on.
func (s Schedules) Resume(ctx context.Context, name string) error {
	_, err := s.service.ResumeSchedule(ctx, &rowlockv1.ResumeScheduleRequest{Name: name, RequestId: rand.Text()})
	return err
}

// Trigger fires a schedule now, paused or not, and returns its task's ID. Its overlap policy holds: the call may be refused
// because of a task that hasn't ended, and an empty ID without an error is a tick that waits for the tasks before it.
func (s Schedules) Trigger(ctx context.Context, name string) (id string, err error) {
	resp, err := s.service.TriggerSchedule(ctx, &rowlockv1.TriggerScheduleRequest{Name: name, RequestId: rand.Text()})
	return resp.GetTaskId(), err
}

// Backfill is a range of the past whose ticks are to be made up for.
type Backfill struct {
	From, To time.Time // To: now where zero
	// MaxTicks refuses the call if there are more; 1 to 2,000, 100 where zero.
	MaxTicks int
	// DryRun only tells the ticks.
	DryRun bool
}

// Backfilled is what became of one tick of a Backfill.
type Backfilled struct {
	NominalAt time.Time `json:"nominal_at"`
	TaskID    string    `json:"task_id,omitempty"` // of the new task; empty in a dry run
	Err       error     `json:"-"`
}

// Backfill makes the tasks of ticks of the past, whatever the overlap policy says, and tells of each what became of it, oldest
// first. It returns a PartialError if any task was refused.
func (s Schedules) Backfill(ctx context.Context, name string, b Backfill) ([]Backfilled, error) {
	to := b.To
	if to.IsZero() {
		to = time.Now()
	}
	resp, err := s.service.BackfillSchedule(ctx, &rowlockv1.BackfillScheduleRequest{
		Name: name, From: timestamppb.New(b.From), To: timestamppb.New(to), MaxTicks: bounded(b.MaxTicks), DryRun: b.DryRun, RequestId: rand.Text(),
	})
	if err != nil {
		return nil, err
	}
	partial := PartialError{Total: len(resp.GetResults())}
	out := make([]Backfilled, 0, len(resp.GetResults()))
	for _, r := range resp.GetResults() {
		x := Backfilled{NominalAt: at(r.GetNominalAt()), TaskID: r.GetTaskId(), Err: fromPart(r.GetError(), "")}
		if x.Err != nil {
			partial.add(x.Err)
		}
		out = append(out, x)
	}
	return out, partial.orNil()
}

// HistoryPage returns up to limit ticks of a schedule (1 to 1,000; 100 where zero), newest first, and the cursor of the next
// page; "" after the last.
func (s Schedules) HistoryPage(ctx context.Context, name, cursor string, limit int) ([]*ScheduleTick, string, error) {
	resp, err := s.service.ListScheduleHistory(ctx, &rowlockv1.ListScheduleHistoryRequest{Name: name, Cursor: cursor, Limit: bounded(limit)})
	if err != nil {
		return nil, "", err
	}
	ticks := make([]*ScheduleTick, 0, len(resp.GetTicks()))
	for _, p := range resp.GetTicks() {
		ticks = append(ticks, tickOf(p))
	}
	return ticks, resp.GetNextCursor(), nil
}

// History goes through what became of a schedule's ticks, newest first. It ends after the first error.
func (s Schedules) History(ctx context.Context, name string) iter.Seq2[*ScheduleTick, error] {
	return pages("", func(cursor string) ([]*ScheduleTick, string, error) { return s.HistoryPage(ctx, name, cursor, 0) })
}

// Delete removes a schedule with its history. Its tasks go on.
func (s Schedules) Delete(ctx context.Context, name string) error {
	_, err := s.service.DeleteSchedule(ctx, &rowlockv1.DeleteScheduleRequest{Name: name, RequestId: rand.Text()})
	return err
}
