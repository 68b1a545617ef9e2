package task

import "fmt"

// Code is the outcome of a command, or of one part of it. Codes are recorded for repeated calls, so that their numbers
// are part of the state file's format. A Code other than OK and Existing is an error.
type Code uint8

// The codes.
const (
	// OK means done.
	OK Code = iota
	// Existing is a success: the unique key was taken, and the task that has it is named.
	Existing
	// UniqueTaken refuses a task whose unique key is taken; the task that has it is named.
	UniqueTaken
	// NotLive means that the task is not in memory: finished or never there. The proposer reads the history, and
	// answers from there or proposes again.
	NotLive
	// StaleToken refuses an outcome or heartbeat under a token that is no longer the task's.
	StaleToken
	// WrongState refuses a change that the task's state doesn't allow.
	WrongState
	// UnknownSession refuses a worker session that is closed or expired.
	UnknownSession
	// UnknownProducer refuses a producer that is unknown or was forgotten.
	UnknownProducer
	// SequenceForgotten refuses a sequence whose answer has been dropped: it was executed, or is too old to tell.
	SequenceForgotten
	// Draining refuses new tasks for a queue that is drained.
	Draining
	// TooManyQueues means that the bound on queues is reached.
	TooManyQueues
	// TooManyProducers means that the bound on producers is reached.
	TooManyProducers
	// WrongTerm refuses what was decided under another term: an expiry, or a restore.
	WrongTerm
	// ResolveAgain means that a parent is neither live nor carried in the command.
	ResolveAgain
	// NoSuchQueue names a queue that doesn't exist.
	NoSuchQueue
	// DependencyFailed refuses a task one of whose parents can't complete any more.
	DependencyFailed
	// Invalid is a command whose content breaks a bound.
	Invalid
	// NoSuchSchedule names a schedule that doesn't exist.
	NoSuchSchedule
	// TooManySchedules means that the bound on schedules, or on what their templates take, is reached.
	TooManySchedules
	// ScheduleOverlap skips a tick because a task of an earlier one hasn't ended; that task is named.
	ScheduleOverlap
	// ScheduleFull skips a tick because the bound on live tasks of a schedule is reached.
	ScheduleFull
	// TooManyOperations means that the bound on unfinished bulk operations is reached.
	TooManyOperations
	// NoSuchOperation names a bulk operation that doesn't exist, or is no longer kept.
	NoSuchOperation
	// QueueFull refuses a task for a queue that has as many tasks, or as many bytes of payloads, as it may have.
	QueueFull
	// TooManyWorkflows means that the bound on workflows is reached.
	TooManyWorkflows
	// NoSuchWorkflow names a workflow that doesn't exist, or ended long ago.
	NoSuchWorkflow
	// NoSuchBatch names a batch that doesn't exist, or has gone.
	NoSuchBatch
	// BatchClosed refuses a task for a batch that takes none any more.
	BatchClosed
	// TooManyBatches means that the bound on batches, or on what their callbacks take, is reached.
	TooManyBatches
	// TaskExists refuses to put a task back: there is one with its ID, live or in the history.
	TaskExists
	// HasDependants refuses to replace a task on which others depend.
	HasDependants
	// IDOutOfRange refuses an ID that is far above all that can have been assigned.
	IDOutOfRange
	// ParentMissing refuses to put a blocked task back: one that it waits for is nowhere.
	ParentMissing
	// BeingPurged refuses to put a task into a queue that is being purged.
	BeingPurged

	codeCount
)

var codeTexts = [codeCount]string{
	"ok", "existing", "the unique key is taken", "no such live task", "the lease is no longer held",
	"the task's state doesn't allow it", "unknown or expired worker session", "unknown or expired producer",
	"the answer to this sequence is no longer kept", "the queue is being drained", "too many queues",
	"too many producers", "proposed under another term", "a parent must be resolved again", "no such queue",
	"a parent can no longer complete", "invalid command",
	"no such schedule", "too many schedules, or templates that are too large together",
	"a task of an earlier tick hasn't ended", "too many tasks of the schedule haven't ended",
	"too many unfinished operations", "no such operation",
	"the queue is full",
	"too many workflows", "no such workflow",
	"no such batch", "the batch is closed", "too many batches",
	"there is a task with this ID", "other tasks depend on it", "the ID is far above all that can have been assigned",
	"a task that it waits for isn't there", "the queue is being purged",
}

// Error makes a Code an error; OK and Existing are never used as one.
func (c Code) Error() string {
	if c < codeCount {
		return codeTexts[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Err returns nil for OK and Existing, the code itself otherwise.
func (c Code) Err() error {
	if c == OK || c == Existing {
		return nil
	}
	return c
}
