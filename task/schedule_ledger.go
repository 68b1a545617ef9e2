package task

// LedgerOutcome is what became of a tick.
type LedgerOutcome uint8

// The outcomes. Their numbers are part of the state file's format.
const (
	// TickFired made a task.
	TickFired LedgerOutcome = iota
	// TickSkipped made none: of the overlap policy, or because the queue refused the task; the entry's code says which.
	TickSkipped
	// TickMissed was too late.
	TickMissed
	// TickQueued waits for the tasks before it. Another entry follows when it fires.
	TickQueued

	outcomesOfTicks
)

var ledgerOutcomeNames = [outcomesOfTicks]string{"fired", "skipped", "missed", "queued"}

// String returns the name that users see.
func (o LedgerOutcome) String() string {
	if o < outcomesOfTicks {
		return ledgerOutcomeNames[o]
	}
	return "invalid"
}

// TickOrigin is where a tick came from.
type TickOrigin uint8

// The origins. Their numbers are part of the state file's format.
const (
	// FromTick is a nominal time that came.
	FromTick TickOrigin = iota
	// FromTrigger was asked for by hand.
	FromTrigger
	// FromBackfill was made up for by hand.
	FromBackfill

	originCount
)

var tickOriginNames = [originCount]string{"tick", "trigger", "backfill"}

// String returns the name that users see.
func (o TickOrigin) String() string {
	if o < originCount {
		return tickOriginNames[o]
	}
	return "invalid"
}

// LedgerEntry says what became of a tick, or of a run of missed ones.
type LedgerEntry struct {
	Sequence uint64 // counts the schedule's entries
	Nominal  Time
	Outcome  LedgerOutcome
	Origin   TickOrigin
	Code     Code     // of a skipped tick: why
	Task     ID       // that was made, or that is in the way
	Late     Duration // after it was due, to the millisecond
	Missed   uint32   // of TickMissed: how many ticks, the first of which is Nominal
	Last     Time     // and the last
}

// ledgerBlock is a run of entries that is written and dropped as a whole.
type ledgerBlock struct {
	first uint64 // the sequence of its first entry
	count int
	b     []byte
}

// ledgerBlockEntries is how many entries a block has when it is full.
const ledgerBlockEntries = 16

// ledger is the last entries of a schedule, kept encoded: about 15 bytes each.
type ledger struct {
	next   uint64 // the sequence of the next entry; from 1
	blocks []ledgerBlock
}

func (e *LedgerEntry) append(b []byte) []byte {
	b = append(b, byte(e.Outcome)|byte(e.Origin)<<4, byte(e.Code))
	b = appendInt(b, e.Nominal/second)
	b = appendUint(b, uint64(e.Task))
	b = appendUint(b, uint64(e.Late/1000))
	if e.Outcome == TickMissed {
		b = appendInt(appendUint(b, uint64(e.Missed)), e.Last/second)
	}
	return b
}

func (e *LedgerEntry) read(r *reader) {
	kind := r.byte()
	e.Outcome, e.Origin = LedgerOutcome(kind&15), TickOrigin(kind>>4)
	if e.Outcome >= outcomesOfTicks || e.Origin >= originCount {
		r.fail()
	}
	e.Code = Code(r.byteMax(byte(codeCount - 1)))
	e.Nominal, e.Task = r.seconds(), ID(r.uint())
	e.Late = Duration(r.uintMax(1<<50)) * 1000
	if e.Outcome == TickMissed {
		e.Missed, e.Last = uint32(r.uintMax(1<<32-1)), r.seconds()
	}
}

// seconds reads a time that was written in seconds.
func (r *reader) seconds() Time {
	v := r.int()
	if v > maxSeconds || v < -maxSeconds {
		r.fail()
		return 0
	}
	return v * second
}

// maxSeconds is the largest time in seconds that a Time can hold.
const maxSeconds = (1<<63 - 1) / second

// entries decodes a block.
func (k *ledgerBlock) entries() ([]LedgerEntry, error) {
	r := reader{b: k.b}
	var out []LedgerEntry
	for i := range k.count {
		e := LedgerEntry{Sequence: k.first + uint64(i)}
		e.read(&r)
		out = append(out, e)
	}
	return out, r.done()
}

// noteTick appends an entry and drops the oldest block once enough are kept without it.
func (m *Machine) noteTick(s *schedule, e LedgerEntry) {
	l := &s.ledger
	if n := len(l.blocks); n == 0 || l.blocks[n-1].count == ledgerBlockEntries {
		l.blocks = append(l.blocks, ledgerBlock{first: l.next})
	}
	k := &l.blocks[len(l.blocks)-1]
	k.b = e.append(k.b)
	k.count++
	l.next++
	m.dirty.ledger(s.id, k.first)
	m.touchSchedule(s)
	m.trimLedger(s)
}

// trimLedger drops the blocks whose entries needn't be kept.
func (m *Machine) trimLedger(s *schedule) {
	l := &s.ledger
	for len(l.blocks) > 1 && l.next-l.blocks[1].first >= uint64(s.policy.Ledger) {
		m.dirty.ledger(s.id, l.blocks[0].first)
		l.blocks[0] = ledgerBlock{}
		l.blocks = l.blocks[1:]
	}
}

// block finds a block by its first sequence.
func (l *ledger) block(first uint64) *ledgerBlock {
	for i := range l.blocks {
		if l.blocks[i].first == first {
			return &l.blocks[i]
		}
	}
	return nil
}
