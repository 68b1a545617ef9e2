package task

// ScheduleSpec is when a schedule fires, as its owner wrote it. The machine keeps it and doesn't read it: proposers, who
// know time zones, say which tick comes next.
type ScheduleSpec struct {
	Expression string
	TimeZone   string
	Jitter     Duration
	Start, End Time // 0: no bound
}

// MisfirePolicy says what becomes of ticks that are late by more than the grace, as after a time without a leader.
type MisfirePolicy uint8

// The policies. Their numbers are part of the formats.
const (
	// MisfireFireOnce fires the last of the late ticks, in place of all.
	MisfireFireOnce MisfirePolicy = iota
	// MisfireSkip fires none.
	MisfireSkip
	// MisfireCatchUp fires up to CatchUp of them, the last ones.
	MisfireCatchUp

	misfireCount
)

// OverlapPolicy says what a tick does while a task of an earlier tick hasn't ended.
type OverlapPolicy uint8

// The policies. Their numbers are part of the formats.
const (
	// OverlapSkip skips the tick.
	OverlapSkip OverlapPolicy = iota
	// OverlapAllow makes another task.
	OverlapAllow
	// OverlapQueueOne has one tick wait until the tasks before it have ended; further ones are skipped.
	OverlapQueueOne
	// OverlapTerminate cancels the tasks before it, and doesn't wait for their workers.
	OverlapTerminate
	// OverlapCancel asks the workers of the tasks before it to stop, cancels those that don't run, and has the tick wait until all have
	// ended; a further one takes its place.
	OverlapCancel

	overlapCount
)

// SchedulePolicy is how a schedule meets late and overlapping ticks, and how much it remembers.
type SchedulePolicy struct {
	Misfire MisfirePolicy
	CatchUp uint32   // of MisfireCatchUp: at most this many
	Grace   Duration // beyond which a tick counts as missed
	Overlap OverlapPolicy
	Ledger  uint32 // how many ledger entries are kept at least
}

// PutSchedule creates a schedule, or replaces it: Items[0] = {ID, Other: revision}. The tick that comes next stays as it is
// where the spec does. A schedule that was paused stays so.
type PutSchedule struct {
	Name     string
	Spec     ScheduleSpec
	Policy   SchedulePolicy
	Template NewTask
	Paused   bool
	Next     Time // the first nominal time; 0: none
	Due      Time // when that fires: later by the jitter
}

// DeleteSchedule removes a schedule. Its tasks go on.
type DeleteSchedule struct{ Name string }

// SetSchedulePaused pauses a schedule, or resumes it: then Next and Due are of the tick that comes first.
type SetSchedulePaused struct {
	Name      string
	Paused    bool
	Next, Due Time
}

// TriggerSchedule fires a schedule by hand, paused or not: Items[0] = {ID, Code, State}; an ID of 0 with Code OK is a tick
// that was queued.
type TriggerSchedule struct{ Name string }

// BackfillSchedule makes the tasks of nominal times of the past, whatever the overlap policy says: Items[i] = {ID, Code,
// State}.
type BackfillSchedule struct {
	Name     string
	Nominals []Time // ascending, at most 2,000
}

// ScheduleTick is one tick to fire, or a run of late ones to note as missed.
type ScheduleTick struct {
	Schedule string
	Revision uint64
	Nominal  Time // must be the schedule's next
	Next     Time // the nominal time behind it, or behind the run; 0: none
	Due      Time // of Next
	Missed   uint32
	Last     Time // of a run of Missed ticks that begins with Nominal
}

// FireSchedules fires ticks that are due: Items[i] = {ID, Code, State}. Whatever isn't a schedule's next tick is left alone
// (WrongState), so that a tick fires once however often it is proposed, and by whom.
type FireSchedules struct{ Ticks []ScheduleTick }

// Bounds of schedules.
const (
	// MaxSchedules is how many schedules there may be.
	MaxSchedules = 100_000
	// MaxScheduleBytes bounds what their templates take together.
	MaxScheduleBytes = 512 << 20
	// MaxScheduleLive is how many live tasks of one schedule are known, and so allowed.
	MaxScheduleLive = 1000
	// MaxScheduleLedger is how many ledger entries of a schedule can be kept.
	MaxScheduleLedger = 1000
	// DefaultScheduleLedger is how many are kept unless the schedule says otherwise.
	DefaultScheduleLedger = 100
	// MaxCatchUp is how many late ticks can be caught up with.
	MaxCatchUp = 1000
	// MaxBackfill is how many ticks one command backfills.
	MaxBackfill = 2000
)
