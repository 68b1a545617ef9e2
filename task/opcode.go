package task

// opcode is a command's number in the log. A number is never used for anything else.
type opcode byte

const (
	opEnqueue opcode = iota + 1
	opOpenProducer
	opOpenSession
	opCloseSession
	opExpireSessions
	opLease
	opFinish
	opProgress
	opCancel
	opRetry
	opDelete
	opDeleteFinished
	opReset
	opReschedule
	opMove
	opSetQueue
	opSetQueueMode
	opPurgeQueue
	opTick
	opRequest
	opMarkSilent
	opChecksum
	opRaiseFeatureLevel
	opPutSchedule
	opDeleteSchedule
	opSetSchedulePaused
	opTriggerSchedule
	opBackfillSchedule
	opFireSchedules
	opStartOperation
	opStepOperation
	opAbortOperation
	opEnqueueGraph
	opCancelWorkflow
	opCreateBatch
	opCloseBatch
	opCancelBatch
	opImportTasks
	opNoteArchived
	opResumeCluster
	opDrainSession
	opInstallImage
	opResetQuiet
	opAdvanceCounters
)

func (*Enqueue) opcode() opcode           { return opEnqueue }
func (*OpenProducer) opcode() opcode      { return opOpenProducer }
func (*OpenSession) opcode() opcode       { return opOpenSession }
func (*CloseSession) opcode() opcode      { return opCloseSession }
func (*ExpireSessions) opcode() opcode    { return opExpireSessions }
func (*Lease) opcode() opcode             { return opLease }
func (*Finish) opcode() opcode            { return opFinish }
func (*Progress) opcode() opcode          { return opProgress }
func (*Cancel) opcode() opcode            { return opCancel }
func (*Retry) opcode() opcode             { return opRetry }
func (*Delete) opcode() opcode            { return opDelete }
func (*DeleteFinished) opcode() opcode    { return opDeleteFinished }
func (*Reset) opcode() opcode             { return opReset }
func (*Reschedule) opcode() opcode        { return opReschedule }
func (*Move) opcode() opcode              { return opMove }
func (*SetQueue) opcode() opcode          { return opSetQueue }
func (*SetQueueMode) opcode() opcode      { return opSetQueueMode }
func (*PurgeQueue) opcode() opcode        { return opPurgeQueue }
func (*Tick) opcode() opcode              { return opTick }
func (*Request) opcode() opcode           { return opRequest }
func (*MarkSilent) opcode() opcode        { return opMarkSilent }
func (*Checksum) opcode() opcode          { return opChecksum }
func (*RaiseFeatureLevel) opcode() opcode { return opRaiseFeatureLevel }
func (*PutSchedule) opcode() opcode       { return opPutSchedule }
func (*DeleteSchedule) opcode() opcode    { return opDeleteSchedule }
func (*SetSchedulePaused) opcode() opcode { return opSetSchedulePaused }
func (*TriggerSchedule) opcode() opcode   { return opTriggerSchedule }
func (*BackfillSchedule) opcode() opcode  { return opBackfillSchedule }
func (*FireSchedules) opcode() opcode     { return opFireSchedules }
func (*StartOperation) opcode() opcode    { return opStartOperation }
func (*StepOperation) opcode() opcode     { return opStepOperation }
func (*AbortOperation) opcode() opcode    { return opAbortOperation }
func (*CreateBatch) opcode() opcode       { return opCreateBatch }
func (*CloseBatch) opcode() opcode        { return opCloseBatch }
func (*CancelBatch) opcode() opcode       { return opCancelBatch }
func (*NoteArchived) opcode() opcode      { return opNoteArchived }
func (*ResumeCluster) opcode() opcode     { return opResumeCluster }
func (*InstallImage) opcode() opcode      { return opInstallImage }

// newCommand returns an empty command to decode into; nil for an unknown number.
func newCommand(op opcode) decodable {
	switch op {
	case opEnqueue:
		return new(Enqueue)
	case opOpenProducer:
		return new(OpenProducer)
	case opOpenSession:
		return new(OpenSession)
	case opCloseSession:
		return new(CloseSession)
	case opExpireSessions:
		return new(ExpireSessions)
	case opLease:
		return new(Lease)
	case opFinish:
		return new(Finish)
	case opProgress:
		return new(Progress)
	case opCancel:
		return new(Cancel)
	case opRetry:
		return new(Retry)
	case opDelete:
		return new(Delete)
	case opDeleteFinished:
		return new(DeleteFinished)
	case opReset:
		return new(Reset)
	case opReschedule:
		return new(Reschedule)
	case opMove:
		return new(Move)
	case opSetQueue:
		return new(SetQueue)
	case opSetQueueMode:
		return new(SetQueueMode)
	case opPurgeQueue:
		return new(PurgeQueue)
	case opTick:
		return new(Tick)
	case opRequest:
		return new(Request)
	case opMarkSilent:
		return new(MarkSilent)
	case opChecksum:
		return new(Checksum)
	case opRaiseFeatureLevel:
		return new(RaiseFeatureLevel)
	}
	return newFeatureCommand(op)
}

// newFeatureCommand returns one that came with LevelFeatures.
func newFeatureCommand(op opcode) decodable {
	switch op {
	case opPutSchedule:
		return new(PutSchedule)
	case opDeleteSchedule:
		return new(DeleteSchedule)
	case opSetSchedulePaused:
		return new(SetSchedulePaused)
	case opTriggerSchedule:
		return new(TriggerSchedule)
	case opBackfillSchedule:
		return new(BackfillSchedule)
	case opFireSchedules:
		return new(FireSchedules)
	case opStartOperation:
		return new(StartOperation)
	case opStepOperation:
		return new(StepOperation)
	case opAbortOperation:
		return new(AbortOperation)
	case opEnqueueGraph:
		return new(EnqueueGraph)
	case opCancelWorkflow:
		return new(CancelWorkflow)
	case opCreateBatch:
		return new(CreateBatch)
	case opCloseBatch:
		return new(CloseBatch)
	case opCancelBatch:
		return new(CancelBatch)
	case opImportTasks:
		return new(ImportTasks)
	case opNoteArchived:
		return new(NoteArchived)
	case opResumeCluster:
		return new(ResumeCluster)
	case opDrainSession:
		return new(DrainSession)
	case opResetQuiet:
		return new(ResetQuiet)
	case opInstallImage:
		return new(InstallImage)
	case opAdvanceCounters:
		return new(AdvanceCounters)
	}
	return nil
}

// decodable is a command that can be read back.
type decodable interface {
	Command
	decode(r *reader)
}
