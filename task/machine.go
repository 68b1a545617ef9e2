package task

type opcode uint8

// Machine ...
type Machine struct{}

// NewMachine returns an empty machine.
func NewMachine() *Machine { panic("wip") }

// Header ...
type Header struct {
	Time Time   // the proposer's clock
	Seed uint64 // for jitter
	Node uint64 // the proposer's random incarnation, and
	Seq  uint64 // its count of entries: together they name the entry
}

// AppendHeader begins an entry.
func AppendHeader(b []byte, h Header) []byte { panic("wip") }

// AppendCommand adds a command to an entry.
func AppendCommand(b []byte, c Command) []byte { panic("wip") }

// ReadHeader reads an entry's header.
func ReadHeader(entry []byte) (Header, error) { panic("wip") }

// Apply executes the entry; term is its log term. With want, the results of its commands are returned in order, else nil.
// An error means that the entry doesn't decode: nothing was changed.
func (m *Machine) Apply(term uint64, entry []byte, want bool) ([]Result, Effects, error) {
	panic("wip")
}

// NextTimer returns the state time at which a Tick is due; false: none. A time in the past means at once.
func (m *Machine) NextTimer() (Time, bool) { panic("wip") }

// Now is the state time.
func (m *Machine) Now() Time { panic("wip") }

// Hash is the state hash.
func (m *Machine) Hash() uint64 { panic("wip") }

// Task returns a live task, or one that finished since the last committed checkpoint.
func (m *Machine) Task(id ID) (Task, bool) { panic("wip") }

// Lease returns the session and token of a running task.
func (m *Machine) LeaseOf(id ID) (session, token uint64, ok bool) { panic("wip") }

// List returns live tasks in ID order and the cursor to go on after; 0: nothing is left.
func (m *Machine) List(f ListFilter) ([]Task, ID) { panic("wip") }

// RecentFinished returns tasks of the queue's history that are not yet committed to disk, from the sequence on, at most limit.
func (m *Machine) RecentFinished(queue uint32, from uint64, limit int) []Task { panic("wip") }

// Position counts the pending tasks that are leased before this one, up to max.
func (m *Machine) Position(id ID, max int) (n int, ok bool) { panic("wip") }

// Queue returns a queue by its name.
func (m *Machine) Queue(name string) (Queue, bool) { panic("wip") }

// QueueByNumber returns a queue by number
func (m *Machine) QueueByNumber(n uint32) (Queue, bool) { panic("wip") }

// Queues returns the queues after the name, in the order of their names.
func (m *Machine) Queues(after string, limit int) []Queue { panic("wip") }

// PendingFor is the number of pending tasks that the session could lease now; 0 for an unknown one.
func (m *Machine) PendingFor(session uint64) uint64 { panic("wip") }

// Session returns an open worker session.
func (m *Machine) Session(id uint64) (Session, bool) { panic("wip") }

// Sessions returns all open worker sessions by ID.
func (m *Machine) Sessions() []Session { panic("wip") }

// SessionLeases returns a session's live leases, in the order of their tokens.
func (m *Machine) SessionLeases(id uint64) []LeaseRef { panic("wip") }

// SessionHeld is how many live leases the session has, and their digest.
func (m *Machine) SessionHeld(id uint64) (n int, digest uint64, ok bool) { panic("wip") }

// LiveTasks is the number of tasks in memory.
func (m *Machine) LiveTasks() uint64 { panic("wip") }

// DirtyBytes is about how much the next checkpoint would write.
func (m *Machine) DirtyBytes() int { panic("wip") }

// Freeze begins a checkpoint of the state as it is now. Needs the write lock. One at a time.
func (m *Machine) Freeze() { panic("wip") }

// Capture encodes up to max frozen tasks; it returns true when all are captured. Needs the write lock, which may be
// released between calls: Apply saves what it is about to change.
func (m *Machine) Capture(max int) bool { panic("wip") }

// Frozen returns the captured checkpoint. Valid until Committed.
func (m *Machine) Frozen() *Checkpoint { panic("wip") }

// Committed tells that the frozen checkpoint is durable: its history may now be read from disk, and payloads beyond the
// budget (bytes) leave memory. Needs the write lock.
func (m *Machine) Committed(payloadBudget int) { panic("wip") }

// Loader builds a machine from a state file.
type Loader struct{}

// NewLoader ...
func NewLoader() *Loader { panic("wip") }

// Record takes one record; in the order of Kinds, before any task.
func (l *Loader) Record(k Kind, key, value []byte) error { panic("wip") }

// Task takes one live task, by ascending ID; its payload stays on disk.
func (l *Loader) Task(id ID, record []byte, payloadLen int) error { panic("wip") }

// Machine finishes.
func (l *Loader) Machine() (*Machine, error) { panic("wip") }

// DecodeFinished reads a history record (without the payload).
func DecodeFinished(record []byte) (Task, error) { panic("wip") }

// DecodeTask reads a live record; queueName resolves.
func DecodeTask(id ID, record []byte, queueName func(uint32) string) (Task, error) { panic("wip") }
