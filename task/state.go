package task

// State is where a task is in its life. docs/STATES.md draws them and their transitions.
type State uint8

// The states. Their numbers are part of the log's and the state file's format.
const (
	// None is the state of a task that doesn't exist (yet).
	None State = iota
	// Scheduled waits for a future run time or for a retry's backoff.
	Scheduled
	// Blocked waits for other tasks.
	Blocked
	// Pending is ready to be leased.
	Pending
	// Running is leased by a worker.
	Running
	// Completed ended with a result.
	Completed
	// Cancelled was ended by a call, or replaced through its unique key.
	Cancelled
	// DeadLetter ended without success and is kept until somebody acts.
	DeadLetter

	stateCount
)

var stateNames = [stateCount]string{"none", "scheduled", "blocked", "pending", "running", "completed", "cancelled", "dead_letter"}

// String returns the name that users see.
func (s State) String() string {
	if s < stateCount {
		return stateNames[s]
	}
	return "invalid"
}

// Finished reports whether a task in this state has left memory for the history.
func (s State) Finished() bool { return s == Completed || s == Cancelled }

// Reason says why a task is in its state: why it is dead, or was cancelled.
type Reason uint8

// The reasons. Their numbers are part of the formats.
const (
	NoReason Reason = iota
	// ReasonFailed is a failure that the worker called permanent.
	ReasonFailed
	// ReasonExhausted means that max_attempts attempts have failed.
	ReasonExhausted
	// ReasonExpired means that its time to live passed before it started.
	ReasonExpired
	// ReasonPoison means that max_worker_deaths workers died while running it.
	ReasonPoison
	// ReasonDependency means that a task it depended on didn't complete.
	ReasonDependency
	// ReasonCancelled was cancelled by a call.
	ReasonCancelled
	// ReasonReplaced was replaced by a newer task with its unique key.
	ReasonReplaced
	// ReasonSuperseded was cancelled by the next tick of its schedule, whose overlap policy is to terminate.
	ReasonSuperseded
	// ReasonNotNeeded was for the failure of a task that completed.
	ReasonNotNeeded

	reasonCount
)

var reasonNames = [reasonCount]string{
	"", "failed", "attempts_exhausted", "expired", "poison", "dependency_failed", "cancelled", "replaced", "superseded", "not_needed",
}

// String returns the name that users see.
func (r Reason) String() string {
	if r < reasonCount {
		return reasonNames[r]
	}
	return "invalid"
}

// Cause says how one attempt ended without success.
type Cause uint8

// The causes. Their numbers are part of the formats.
const (
	CauseFailed Cause = iota
	CausePermanent
	CauseTimeout
	CauseWorkerLost

	causeCount
)

var causeNames = [causeCount]string{"failed", "permanent", "timeout", "worker_lost"}

// String returns the name that users see.
func (c Cause) String() string {
	if c < causeCount {
		return causeNames[c]
	}
	return "invalid"
}

// UniqueMode says what an enqueue does when its unique key is taken in its queue.
type UniqueMode uint8

// The modes. Their numbers are part of the log's format.
const (
	// UniqueReject refuses the new task and names the one that is there.
	UniqueReject UniqueMode = iota
	// UniqueReturn answers with the task that is there.
	UniqueReturn
	// UniqueReplace cancels the task that is there, unless it is running, and accepts the new one.
	UniqueReplace
	// UniqueDebounce gives the task that is there the new one's payload and puts its run time off, unless it is running:
	// then the new one is accepted and has the key from then on.
	UniqueDebounce

	uniqueModeCount
)
