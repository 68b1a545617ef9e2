package task

// Time is microseconds since the Unix epoch, UTC. Zero: not set.
type Time = int64

// Duration is in microseconds. Zero: not set.
type Duration = int64

// Command is a change of the state, proposed through the log. The concrete types of this file are all there are.
type Command interface {
	opcode() opcode
	encode(b []byte) []byte
}

// Label is one label of a task or worker.
type Label struct{ Key, Value string }

// Backoff is how long a failed task waits before its next attempt: Initial * Multiplier^(failures-1), at most Maximum,
// of which the upper half is jittered. Delays, where given, take its place; the last one repeats.
type Backoff struct {
	Initial    Duration
	Maximum    Duration
	Multiplier uint32 // in thousandths: 2000 doubles
	Delays     []Duration
}

// IsZero reports whether nothing is set.
func (b Backoff) IsZero() bool {
	return b.Initial == 0 && b.Maximum == 0 && b.Multiplier == 0 && len(b.Delays) == 0
}

// NewTask is a task to accept. Zero fields come from the queue's settings.
type NewTask struct {
	Queue           string
	Kind            string
	Payload         []byte
	Priority        uint8 // 0 to 9; 9 first
	RunAt           Time  // absolute, or
	Delay           Duration
	MaxAttempts     uint16
	MaxWorkerDeaths uint8
	Timeout         Duration // an attempt's
	TTL             Duration // until it must have started
	UniqueKey       string
	UniqueMode      UniqueMode
	UniqueWindow    Duration // counted from the enqueue; 0: until the task ends
	FairKey         string
	Labels          []Label // sorted by key
	TraceContext    string
	Backoff         Backoff
	DependsOn       []ID // parents that were live when the proposer looked
	ParentsDone     []ID // parents that the proposer found completed in the history
	RetryOf         ID
	SingletonKey    string   // one task of its queue with this key runs at a time
	StickyKey       string   // it goes to the worker that ran the last task of its queue with this key, if that comes in time
	Require         []Label  // that the worker must have, sorted by key
	MaxWait         Duration // with UniqueDebounce: how long after the first enqueue it is put off at most; 0: no limit
	Ref             string   // its name in a graph
	Edges           []Edge   // further parents, and when it runs
	OnParentFailure ParentFailure
	Ended           []ParentOutcome // parents that the proposer found in the history, with their results
	Batch           ID              // that it is added to; 0: none

	callbackOf ID // the batch that enqueues it; 0: none
	callback   CallbackKind
}

// Enqueue accepts tasks, each with a result of its own: Items[i] = {ID, Code, State}, Code OK, Existing or
// an error. With UniqueTaken and Existing, ID is the task that has the key. ResolveAgain refuses the whole command.
// Idempotent by (Producer, Sequence, Part) or, wrapped in a Request, by the request's ID. Parts let one call travel in
// several log entries; a call is always cut in the same way.
type Enqueue struct {
	Producer   uint64
	Sequence   uint64
	Part       uint32
	AckedBelow uint64
	Tasks      []NewTask
}

// OpenProducer registers a producer: Items[0].ID is its ID.
type OpenProducer struct{ Name string }

// QueueWeight is a queue that a session serves, in proportion to the weight (1 to 1000).
type QueueWeight struct {
	Queue  string
	Weight uint16
}

// OpenSession registers a worker: Items[0].ID is the session's ID.
type OpenSession struct {
	Worker string // the name that people see as worker_id
	Pool   string
	Queues []QueueWeight
	Kinds  []string // empty: any
	Labels []Label
}

// CloseSession ends a session in an orderly way: its leases go back without burning an attempt.
type CloseSession struct{ Session uint64 }

// Expiry is one session whose worker has been silent for too long.
type Expiry struct {
	Session uint64
	// Started are the tokens of tasks that the worker acknowledged starting; only these count as worker deaths.
	Started []uint64
}

// ExpireSessions ends sessions whose workers died. Term is the proposer's: under another term it is refused, so that
// an old leader that wakes up expires nothing. Items[i].Code is each session's outcome.
type ExpireSessions struct {
	Term     uint64
	Sessions []Expiry
}

// Silence is how long a worker hadn't been heard of when this was proposed; 0: it has been heard again.
type Silence struct {
	Session uint64
	For     Duration
}

// MarkSilent notes since when workers have been silent, so that the next leader counts from there: a dead worker doesn't
// live for ever under leaders that don't. Term is the proposer's: under another term it is refused. Items[i].Code is each
// session's outcome.
type MarkSilent struct {
	Term     uint64
	Silences []Silence
}

// Lease grants up to Max pending tasks of the session's queues to it: Items[i] = {ID, Other: token, State}, and Leased
// has what the worker needs.
type Lease struct {
	Session uint64
	Max     uint32
}

// OutcomeKind is how an attempt ended.
type OutcomeKind uint8

// The outcomes. Their numbers are part of the log's format.
const (
	OutcomeComplete OutcomeKind = iota
	OutcomeFail
	OutcomeFailPermanent
	// OutcomeSnooze puts the task back for Delay, without burning the attempt.
	OutcomeSnooze
	// OutcomeRelease gives it back at once, without burning the attempt.
	OutcomeRelease

	outcomeCount
)

// Outcome is the end of one attempt. Token must be the lease's.
type Outcome struct {
	ID      ID
	Token   uint64
	Kind    OutcomeKind
	Data    []byte       // result, or error text
	Delay   Duration     // of a snooze; or the least backoff after a failure
	Revoke  RevokeReason // of an outcome that the leader proposes: what the worker is told; NotRevoked: nothing
	Session uint64       // 0: any; else the lease must be this session's
}

// Finish records outcomes: Items[i] = {ID, Code, State}, State being the task's after it. NotLive asks the proposer
// to look in the history, where the recorded outcome is found by its token.
type Finish struct{ Outcomes []Outcome }

// ProgressItem is a worker's sign of progress.
type ProgressItem struct {
	ID      ID
	Token   uint64
	Percent uint8
	Message string // at most 1 KiB
}

// Progress records signs of progress: Items[i] = {ID, Code, State}.
type Progress struct{ Items []ProgressItem }

// Cancel ends tasks: Items[i] = {ID, Code, State}.
type Cancel struct{ IDs []ID }

// Retry makes dead letters and scheduled tasks pending: Items[i] = {ID, Code, State}.
type Retry struct{ IDs []ID }

// Delete removes live tasks that aren't running: Items[i] = {ID, Code, State}.
type Delete struct {
	IDs []ID
	// Only those in this state; None: in any. Whoever deletes what a list showed says which state the list was of, as the
	// task may have changed since.
	Only State
}

// FinishedRef names a finished task as the proposer read it in the history.
type FinishedRef struct {
	ID       ID
	Queue    uint32
	Sequence uint64
}

// DeleteFinished removes finished tasks from the history: Items[i] = {ID, Code}.
type DeleteFinished struct{ Refs []FinishedRef }

// Reset takes running tasks from their workers, back to pending without burning an attempt: Items[i] = {ID, Code, State}.
type Reset struct{ IDs []ID }

// Reschedule changes when waiting tasks run, or their priority: Items[0] = {ID, Code, State}.
type Reschedule struct {
	ID       ID
	RunAt    Time // absolute, or
	Delay    Duration
	KeepTime bool  // leave the run time
	Priority uint8 // 0 to 9, or KeepPriority
}

// KeepPriority leaves a task's priority as it is.
const KeepPriority = 255

// Move puts waiting tasks and dead letters into another queue: Items[i] = {ID, Code, State}.
type Move struct {
	IDs   []ID
	Queue string
}

// QueueSettings are a queue's defaults. Zero: the built-in default.
type QueueSettings struct {
	MaxAttempts     uint16
	MaxWorkerDeaths uint8
	Timeout         Duration
	TTL             Duration
	Backoff         Backoff
	RetentionAge    Duration
	RetentionBytes  uint64
	RetentionTasks  uint64

	MaxRunning    uint32      // tasks of the queue that run at a time
	Rate          Rate        // at which its tasks start
	KeyMaxRunning uint32      // tasks of one fair key that run at a time
	KeyRate       Rate        // at which the tasks of one fair key start
	FairWeights   []KeyWeight // sorted by key; others have weight 1
	PriorityAging Duration    // the wait that makes up for one priority; 0: priorities are strict
	StickyWait    Duration    // how long a task is reserved for the worker of its sticky key

	// MaxTasks and MaxBytes bound the live tasks that aren't dead letters, and the bytes of their payloads: beyond it no new
	// ones are accepted. 0: no bound.
	MaxTasks uint64
	MaxBytes uint64
	// DeadLetterQueue is where tasks go that die in this queue; empty, or the queue itself: they stay.
	DeadLetterQueue string
}

// KeyWeight is how many tasks of a fair key are leased in one turn (1 to 1000).
type KeyWeight struct {
	Key    string
	Weight uint16
}

// SettingsField is a bit for each field of QueueSettings.
type SettingsField uint32

// The fields.
const (
	FieldMaxAttempts SettingsField = 1 << iota
	FieldMaxWorkerDeaths
	FieldTimeout
	FieldTTL
	FieldBackoff
	FieldRetentionAge
	FieldRetentionBytes
	FieldRetentionTasks
	FieldMaxRunning
	FieldRate
	FieldKeyMaxRunning
	FieldKeyRate
	FieldFairWeights
	FieldPriorityAging
	FieldStickyWait
	FieldMaxTasks
	FieldMaxBytes
	FieldDeadLetterQueue

	fieldsEnd
	// fieldsLater are those that came with feature level 3, fieldsLimits those of them that decide who is served.
	fieldsLater  = fieldsEnd - FieldMaxRunning
	fieldsLimits = FieldMaxTasks - FieldMaxRunning
)

// SetQueue changes the named settings of a queue, which it creates.
type SetQueue struct {
	Queue    string
	Fields   SettingsField
	Settings QueueSettings
}

// QueueMode is what a queue does.
type QueueMode uint8

// The modes. Their numbers are part of the formats.
const (
	// QueueOpen takes and hands out tasks.
	QueueOpen QueueMode = iota
	// QueuePaused takes tasks and hands none out.
	QueuePaused
	// QueueDraining hands out tasks and takes none.
	QueueDraining

	queueModeCount
)

// SetQueueMode pauses, drains or reopens a queue.
type SetQueueMode struct {
	Queue string
	Mode  QueueMode
}

// PurgeQueue deletes the waiting tasks (scheduled, blocked, pending) that are there now, in steps that Ticks continue.
// Items[0].Other is their number.
type PurgeQueue struct{ Queue string }

// Tick lets the timers that are due fire, up to the bound on transitions, and continues what earlier commands began.
type Tick struct{}

// Checksum has every member take the hash of its state after this entry, and tells what a strict majority of the voters
// agreed on for an earlier one: Hash after the entry of index Agreed; 0: nothing yet. It changes nothing: the owner of the
// machine finds it in Effects.
type Checksum struct {
	Agreed uint64
	Hash   uint64
}

// RaiseFeatureLevel has the group use features up to a level, which all members must support: one that doesn't can't execute
// it, and ends. Code Invalid: the level is higher already.
type RaiseFeatureLevel struct{ Level uint32 }

// CreateBatch begins a batch: Items[0].ID is its ID. A callback, by CallbackKind, is a task that is in no batch and depends on
// nothing; nil: none. Code Invalid: one isn't so, or they take more than MaxBatchCallbackBytes, or IdleTimeout is out of range.
type CreateBatch struct {
	Name string
	// IdleTimeout is after how long the batch is closed by itself if it is open, nothing is added to it and none of its tasks waits or
	// runs; up to MaxBatchIdle. 0: DefaultBatchIdle.
	IdleTimeout Duration
	Callbacks   [callbackKinds]*NewTask
}

// CloseBatch lets nothing more into a batch: Items[0] = {ID}. Once it is closed, callbacks tell its end.
type CloseBatch struct{ ID ID }

// CancelBatch closes a batch and cancels its tasks that wait or run, in steps that Ticks make: Items[0] = {ID, Other: their
// number}. Dead letters stay.
type CancelBatch struct{ ID ID }

// Request makes a command idempotent by an ID that the caller chose (up to 64 bytes), remembered for 24 h.
type Request struct {
	ID      string
	Command Command
}

// Inner is the command that a Request carries, or else the command itself.
func Inner(c Command) Command {
	if r, ok := c.(*Request); ok {
		return r.Command
	}
	return c
}

// Result is a command's outcome.
type Result struct {
	Code   Code
	Items  []Item
	Leased []Leased
}

// Item is the outcome of one part of a command.
type Item struct {
	ID    ID
	Other uint64
	Code  Code
	State State
}

// Leased is a task that was granted to a session. It is a copy: it stays valid.
type Leased struct {
	ID            ID
	Token         uint64
	Queue         string
	Kind          string
	Payload       []byte
	PayloadOnDisk bool // Payload is nil: read it from the state file
	Attempt       uint16
	MaxAttempts   uint16
	Priority      uint8
	WorkerDeaths  uint8
	Timeout       Duration
	EnqueuedAt    Time
	FairKey       string
	Labels        []Label
	TraceContext  string
	Schedule      string          // that made it; empty: none
	NominalTime   Time            // of the schedule's tick
	Parents       []ParentOutcome // of a task that depends on others: how they ended, with results up to 256 KiB together
	Batch         ID
	CallbackOf    ID // the batch that enqueued it
	Callback      CallbackKind
}

// Revoked is a lease that ended without an outcome of its worker.
type Revoked struct {
	Session uint64
	ID      ID
	Token   uint64
	Why     RevokeReason
}

// StopRequest asks the session that holds a lease to end the attempt. The lease goes on until it has.
type StopRequest struct {
	Session uint64
	Lease   LeaseRef
}

// RevokeReason says why a lease ended.
type RevokeReason uint8

// The reasons.
const (
	// NotRevoked ended with an outcome of its worker.
	NotRevoked RevokeReason = iota
	RevokedCancelled
	RevokedTimeout
	RevokedReset
	RevokedUnlisted

	revokeCount
)

var revokeNames = [revokeCount]string{"", "cancelled", "timeout", "reset", "unlisted"}

// String returns the name that workers see.
func (r RevokeReason) String() string {
	if r < revokeCount {
		return revokeNames[r]
	}
	return "invalid"
}

// Effects is what the members outside the machine need to know about what an entry did.
type Effects struct {
	// Ready are queues that gained pending tasks, each once.
	Ready []string
	// Revoked are leases that ended without an outcome of their worker.
	Revoked []Revoked
	// Stopping are leases whose workers are asked to stop; they hold them until they have.
	Stopping []StopRequest
	// Closed are sessions that ended.
	Closed []uint64
	// Drained are sessions that take no more from now on.
	Drained []uint64
	// RefusedCallbacks counts the callbacks of batches that couldn't be enqueued, each time that one was tried.
	RefusedCallbacks int
	// ExpiredBatches counts the batches that nobody closed in time.
	ExpiredBatches int
	// Checksums are the entry's own commands of this kind.
	Checksums []Checksum
	// Image is the state file that takes the place of the state behind this entry; of timeline 0: none.
	Image InstallImage
}
