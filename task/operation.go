package task

// OperationAction is what a bulk operation does to the tasks that match.
type OperationAction uint8

// The actions. Their numbers are part of the formats.
const (
	// OperationCancel ends tasks that haven't finished.
	OperationCancel OperationAction = iota
	// OperationRetry makes dead letters and scheduled tasks pending.
	OperationRetry
	// OperationDelete removes waiting tasks and dead letters, or finished tasks from the history.
	OperationDelete

	operationActionCount
)

var operationActionNames = [operationActionCount]string{"cancel", "retry", "delete"}

// String returns the name that users see.
func (a OperationAction) String() string {
	if a < operationActionCount {
		return operationActionNames[a]
	}
	return "invalid"
}

// Covers are the states of the tasks that an action may be applied to.
func (a OperationAction) Covers() []State {
	switch a {
	case OperationCancel:
		return []State{Scheduled, Blocked, Pending, Running, DeadLetter}
	case OperationRetry:
		return []State{Scheduled, DeadLetter}
	case OperationDelete:
		return []State{Scheduled, Blocked, Pending, DeadLetter, Completed, Cancelled}
	}
	return nil
}

// OperationState is how far a bulk operation has come.
type OperationState uint8

// The states. Their numbers are part of the formats.
const (
	// OperationRunning goes on.
	OperationRunning OperationState = iota
	// OperationWaiting waits to see what becomes of the canary: the tasks that were changed first.
	OperationWaiting
	// OperationDone has visited all tasks below its mark.
	OperationDone
	// OperationAborted was ended by a call.
	OperationAborted
	// OperationStopped ended itself: too much of its canary failed again, or its filter can't be evaluated.
	OperationStopped

	operationStateCount
)

var operationStateNames = [operationStateCount]string{"running", "waiting_canary", "done", "aborted", "stopped"}

// String returns the name that users see.
func (s OperationState) String() string {
	if s < operationStateCount {
		return operationStateNames[s]
	}
	return "invalid"
}

// Ended reports whether nothing more comes of an operation in this state.
func (s OperationState) Ended() bool { return s >= OperationDone }

// OperationPlan is what a bulk operation is to do. It doesn't change.
type OperationPlan struct {
	Action OperationAction
	Queue  string // only tasks of this queue; "": of any
	Kind   string // only tasks of this kind; "": of any
	// States are the states of the tasks meant: some of those that the action covers, either live ones or finished ones.
	States []State
	Filter string // a CEL expression, for proposers; "": all
	Name   string // who started it, or what for
	// Expected is about how many tasks match, as counted before the start.
	Expected uint64
	Rate     uint32 // tasks per second at most; 0: as fast as possible
	// CanaryWait makes one task, then one percent of those expected, go before the others: the operation waits for them
	// to end or to fail an attempt, this long at most, before it goes on. 0: no canary.
	CanaryWait Duration
	// CanaryFailures is which share of the canary may fail again, in thousandths; more stop the operation.
	CanaryFailures uint16
}

// Finished reports whether the plan is for finished tasks: those of the histories.
func (p *OperationPlan) Finished() bool { return len(p.States) > 0 && p.States[0].Finished() }

// OperationCursor is how far an operation has come: live tasks by ID, A being the last one visited; finished ones by
// queue, A being its number and B the next sequence of its history.
type OperationCursor struct{ A, B uint64 }

// Operation is a copy of a bulk operation: a change of many tasks that goes on by itself, in steps, whoever leads.
//
// Its set are the tasks with IDs below its own that match when they are visited: IDs of operations and tasks are of one
// sequence.
type Operation struct {
	ID ID
	OperationPlan
	State  OperationState
	Cursor OperationCursor

	Visited uint64 // tasks that were looked at
	Matched uint64 // of these: changed, skipped or failed
	Changed uint64
	Skipped uint64 // those that another call changed between the visit and the step
	Failed  uint64

	// Stage is 1 and 2 for the two stages of the canary and 3 for the rest.
	Stage uint8
	// Canary are the tasks that the stage has changed, while it is one of the canary's, and CanarySetbacks how many failures and worker
	// deaths each had had by then.
	Canary         []ID
	CanarySetbacks []uint32
	// CanaryFailed of CanaryTasks had failed again when a stage was judged last.
	CanaryTasks, CanaryFailed uint32

	Errors []OperationError // the first ones
	Why    string           // it stopped, unless the canary is why

	StartedAt Time
	UpdatedAt Time // of the last step
	EndedAt   Time
	NextAt    Time // when the rate allows the next step, or a stage of the canary is over at the latest
}

// OperationError is a task that an operation couldn't change. Code Invalid: its filter couldn't be evaluated.
type OperationError struct {
	ID    ID
	Code  Code
	State State
}

// StartOperation begins a bulk operation: Items[0].ID is its ID. Code Invalid: the plan contradicts itself.
type StartOperation struct{ Plan OperationPlan }

// OperationTask is a task to change, in the state in which it was when it matched. Queue and Sequence say where a
// finished one is in the history.
type OperationTask struct {
	ID       ID
	State    State
	Queue    uint32
	Sequence uint64
}

// StepOperation changes the tasks that were found to match between two cursors. It is ignored (code WrongState) unless
// the operation is running at From, so that each step is executed once. A task that is in another state by then isn't
// changed.
//
// In the state OperationWaiting a step without tasks whose cursors are the operation's own has the canary judged: it is
// ignored as long as a task of the canary has neither ended nor failed an attempt and there is time left.
type StepOperation struct {
	ID       ID
	From, To OperationCursor
	Visited  uint64
	Tasks    []OperationTask // at most MaxOperationStep, and what StageLeft leaves
	Failed   []ID            // tasks for which the filter couldn't be evaluated; at most MaxOperationStep
	End      bool            // nothing is left behind To
}

// AbortOperation ends an operation. With a reason it is the leader's, which can't go on: the operation has stopped.
type AbortOperation struct {
	ID  ID
	Why string // at most 1 KiB
}

const (
	// MaxOperationStep is how many tasks one step may change.
	MaxOperationStep = 512
	// MaxOperations is how many unfinished operations there may be.
	MaxOperations = 100
	// MaxCanary is how many tasks the second stage of a canary has at most.
	MaxCanary = 1000

	// maxEndedOperations is how many ended ones are kept, and operationKept for how long.
	maxEndedOperations = 1000
	operationKept      = 7 * 24 * 3600 * second
	// maxOperationErrors is how many errors of an operation are kept.
	maxOperationErrors = 10
	maxOperationWhy    = 1 << 10
)

// The stages of an operation.
const (
	stageOne = iota + 1
	stagePart
	stageAll
)

// StageLimit is how many tasks the stage changes; 0: no limit.
func (o *Operation) StageLimit() int {
	switch o.Stage {
	case stageOne:
		return 1
	case stagePart:
		return int(min(max(o.Expected/100, 1), MaxCanary))
	}
	return 0
}

// StageLeft is how many tasks the next step may change.
func (o *Operation) StageLeft() int {
	if limit := o.StageLimit(); limit > 0 {
		return min(limit-len(o.Canary), MaxOperationStep)
	}
	return MaxOperationStep
}
