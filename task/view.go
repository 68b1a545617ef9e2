package task

// Task is a copy of everything known of one task, for readers. It stays valid while the machine goes on.
type Task struct {
	ID              ID
	Queue           string
	Kind            string
	State           State
	Reason          Reason
	Priority        uint8
	Payload         []byte
	PayloadLen      uint32
	PayloadOnDisk   bool // Payload is nil: read it from the state file
	Attempt         uint16
	MaxAttempts     uint16
	Failures        uint16
	WorkerDeaths    uint8
	MaxWorkerDeaths uint8
	Timeout         Duration
	EnqueuedAt      Time
	RunAt           Time // of a scheduled task
	ExpiresAt       Time
	StartedAt       Time // of the last lease
	FinishedAt      Time // of a finished task or dead letter
	Deadline        Time // of a running attempt
	Token           uint64
	Session         uint64 // of a running task
	Worker          string // that holds, or last held, the lease
	UniqueKey       string
	UniqueWindow    Duration // after its enqueue, in which its key stays taken; 0: until it ends
	FairKey         string
	SingletonKey    string
	StickyKey       string
	Require         []Label // of the worker
	Labels          []Label
	TraceContext    string
	Backoff         Backoff
	DependsOn       []ID   // parents that it still waits for, or waited for
	Parents         []Edge // all that it depends on, and when it runs; kept from feature level 3 on
	OnParentFailure ParentFailure
	Workflow        ID     // that it is in; 0: none
	Ref             string // its name there
	RetryOf         ID
	Schedule        string         // that made it; empty: none
	NominalTime     Time           // of the schedule's tick
	Errors          []AttemptError // oldest first
	Result          []byte
	Progress        ProgressNote
	Batch           ID // that it was added to; 0: none
	CallbackOf      ID // the batch that enqueued it; 0: none
	Callback        CallbackKind
	// HistorySequence is the place in its queue's history of a finished task.
	HistorySequence uint64
	QueueNumber     uint32
	OriginQueue     string // where a dead letter died, and a retry sends it back to; empty: the queue that it is in
}

// AttemptError is what one attempt ended with.
type AttemptError struct {
	At      Time
	Attempt uint16
	Cause   Cause
	Message string
	Worker  string
}

// ProgressNote is the last sign of progress of a running task.
type ProgressNote struct {
	At      Time
	Percent uint8
	Message string
}

// Queue is a copy of a queue's settings and counts.
type Queue struct {
	Number       uint32
	Name         string
	Mode         QueueMode
	Settings     QueueSettings
	Live         [stateCount]uint64 // by State
	Enqueued     uint64             // totals since the queue came into being
	Completed    uint64
	Cancelled    uint64
	Deleted      uint64
	DeadLettered uint64
	Failures     uint64 // failed attempts
	OldestAt     Time   // the earliest enqueue time among the pending tasks that are the first of their kind, priority and key; 0: none
	History      HistoryRange
	Bytes        uint64 // of the payloads of the live tasks that aren't dead letters
}

// HistoryRange is what the history of a queue holds.
type HistoryRange struct {
	First uint64 // the oldest sequence that is kept: the watermark
	Next  uint64 // the sequence that the next finished task gets
	Bytes uint64
}

// Session is a copy of a worker session.
type Session struct {
	ID       uint64
	Worker   string
	Pool     string
	Queues   []QueueWeight
	Kinds    []string
	Labels   []Label
	OpenedAt Time
	// SilentSince is since when the worker hasn't been heard of, by what the log says; 0: it isn't known to be silent.
	SilentSince Time
	Draining    bool // it gets no more leases
	Running     uint32
	Digest      uint64 // XOR of LeaseDigest over its leases
}

// LeaseRef names a lease.
type LeaseRef struct {
	ID    ID
	Token uint64
}

// ListFilter selects live tasks. Zero fields select all.
type ListFilter struct {
	Queue    string
	Kind     string
	States   []State
	Worker   string
	QuietFor Time // running tasks whose last sign of progress is older than this time
	Batch    ID
	After    ID // the cursor: only later IDs
	Limit    int
	Scan     int // the most tasks to look at

	Below       ID   // only earlier IDs; 0: all
	OmitPayload bool // don't copy payloads
}

// LeaseDigest is a lease's part in the digest that heartbeats carry: the 64-bit finalizer of MurmurHash3 over the
// token.
func LeaseDigest(token uint64) uint64 {
	x := token
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}
