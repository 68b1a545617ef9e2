package task

// slot is where a task's record is in the slab; 0 is none. Slots differ between members: nothing that a member tells
// or decides may depend on one.
type slot = uint32

// record is the hot part of a live task: 144 bytes without a pointer, so that the garbage collector never looks at
// ten million of them.
type record struct {
	id       ID
	order    int64  // place among the pending: smaller is leased first
	at       Time   // scheduled: when it runs; pending: until when it is reserved, or 0; running: its deadline, or 0; dead letter: when it died
	expires  Time   // when it dies unless it has started; 0: never
	enqueued Time   // when it was accepted
	started  Time   // when its last lease was granted
	token    uint64 // of its last lease
	hash     uint64 // its part in the state hash, as of the last hashing
	payload  ref    // 0: empty, or on disk only
	cold     ref    // rarer fields; 0: none

	next, prev slot // in its lane (pending) or its session's leases (running)
	owner      uint32
	timer      uint32 // place in the timer heap plus one; 0: none
	queue      uint32
	kind       uint32
	flow       uint32
	payloadLen uint32
	payloadSum uint32 // CRC-32C
	timeoutMS  uint32
	gen        uint32 // the checkpoint generation that last changed it

	attempt     uint16
	maxAttempts uint16
	failures    uint16
	flags       uint16
	deaths      uint8
	maxDeaths   uint8
	priority    uint8
	state       State
	reason      Reason
}

// The flags of a record.
const (
	// flagOnDisk: the state file has, or is about to have, a record of it.
	flagOnDisk = 1 << iota
	// flagPayloadOnDisk: the state file has its payload.
	flagPayloadOnDisk
	// flagUnique: it holds its unique key.
	flagUnique
	// flagRehash: it changed since its hash was taken.
	flagRehash
	// flagScheduled: a schedule made it.
	flagScheduled
	// flagParents: its parents are kept.
	flagParents
	// flagMember: it is in a workflow.
	flagMember
	// flagBatch: it is in a batch, which is the first of its cold fields.
	flagBatch
)

const (
	slabBits  = 12
	slabChunk = 1 << slabBits
)

// slab holds records in chunks that never move.
type slab struct {
	chunks [][]record
	free   slot // list through next
	top    slot // slots below have been used
	live   uint64
}

func (s *slab) at(i slot) *record { return &s.chunks[i>>slabBits][i&(slabChunk-1)] }

// alloc returns a zeroed record.
func (s *slab) alloc() (slot, *record) {
	s.live++
	if i := s.free; i != 0 {
		r := s.at(i)
		s.free = r.next
		*r = record{}
		return i, r
	}
	if s.top == 0 {
		s.top = 1 // slot 0 stays unused: it means none
	}
	i := s.top
	if int(i>>slabBits) == len(s.chunks) {
		s.chunks = append(s.chunks, make([]record, slabChunk))
	}
	s.top++
	return i, s.at(i)
}

func (s *slab) release(i slot) {
	r := s.at(i)
	*r = record{next: s.free}
	s.free = i
	s.live--
}
