package task

// Kind says what a record of the state file is. Kinds are part of its format.
type Kind uint8

// The kinds of records that are kept whole in memory. Tasks and history have types of their own.
const (
	KindMeta     Kind = iota + 1 // one record: counters, clock, format
	KindQueue                    // by queue number
	KindSession                  // by session ID
	KindProducer                 // by producer ID
	KindRequest                  // by order of arrival
	KindUnique                   // unique windows that outlive their task
	KindTenant                   // fair keys whose turn or rate is to be remembered
	KindSticky                   // sticky keys and who ran them last

	KindSchedule       // what a schedule's owner wrote, by schedule ID
	KindScheduleState  // what became of it, by schedule ID
	KindScheduleLedger // its ledger in blocks, by schedule ID and first sequence

	KindOperation // bulk operations, by ID
	KindParent    // outcomes of parents that have left memory, by their ID
	KindWorkflow  // by ID
	KindBatch     // by ID
	KindImport    // one record: the count of imports

	KindArchived // one record: how far the log has been archived
)

// Kinds are all kinds, in the order in which they must be loaded.
var Kinds = [...]Kind{
	KindMeta, KindQueue, KindSession, KindProducer, KindRequest, KindUnique, KindTenant, KindSticky,
	KindSchedule, KindScheduleState, KindScheduleLedger, KindOperation, KindParent, KindWorkflow, KindBatch,
	KindImport,
	KindArchived,
}

// Record is a record to write, or with a nil Value to delete.
type Record struct {
	Kind  Kind
	Key   []byte
	Value []byte
}

// TaskChange is a live task to write, or with a nil Record to delete.
type TaskChange struct {
	ID          ID
	Record      []byte
	Payload     []byte
	KeepPayload bool // the payload on disk stays as it is; Payload is nil
}

// Finished is a task that has entered the history.
type Finished struct {
	ID       ID
	Sequence uint64 // in its queue's history
	Record   []byte // without the payload
	Payload  []byte
	// PayloadOnDisk means that the payload is still with the live record of the state file and moves from there.
	PayloadOnDisk bool
}

// HistoryChunk is a run of finished tasks of one queue, with ascending, adjoining sequences.
type HistoryChunk struct {
	Queue uint32
	Tasks []Finished
}

// HistoryTrim drops the history of a queue below a sequence.
type HistoryTrim struct {
	Queue  uint32
	Before uint64
}

// Checkpoint is everything that changed since the one before: applied to a state file that holds the one before, in
// one transaction, it makes the file equal to the machine at the moment of Freeze.
//
// Invariant: the slices stay valid and unchanged until Machine.Committed.
type Checkpoint struct {
	Records []Record       // by kind and key
	Tasks   []TaskChange   // by ascending ID
	History []HistoryChunk // by queue and sequence
	Trims   []HistoryTrim
	Deleted []FinishedRef // finished tasks that were deleted
	Bytes   int           // about how much there is to write
}
