package task

import "encoding/binary"

// Header begins every log entry.
type Header struct {
	Time Time   // the proposer's clock
	Seed uint64 // for jitter
	Node uint64 // the proposer's random incarnation, and
	Seq  uint64 // its count of entries: together they name the entry
	// Timeline is the one that the proposer knew: another timeline's state refuses the entry (ErrRestored). Or AnyTimeline.
	Timeline uint64
}

// The versions of the encoding of entries. Before any restore there is only the first: whoever can meet a later timeline's entry
// is at LevelFeatures.
const (
	entryVersion = 1
	// timelineVersion has the timeline behind the other fields: any but 0.
	timelineVersion = 2
)

const (
	// headerSize is the length of an encoded Header: version, time, seed, node, sequence.
	headerSize = 1 + 4*8
	// timelineSize is what a timeline adds.
	timelineSize = 8
)

// commandOverhead is what an encoded command takes besides its body: number and length.
const commandOverhead = 1 + 4

// AppendHeader begins an entry at the end of b.
func AppendHeader(b []byte, h Header) []byte {
	version := byte(entryVersion)
	if h.Timeline != 0 {
		version = timelineVersion
	}
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Time))
	b = binary.BigEndian.AppendUint64(b, h.Seed)
	b = binary.BigEndian.AppendUint64(b, h.Node)
	b = binary.BigEndian.AppendUint64(b, h.Seq)
	if h.Timeline != 0 {
		b = binary.BigEndian.AppendUint64(b, h.Timeline)
	}
	return b
}

// AppendCommand adds a command to an entry.
func AppendCommand(b []byte, c Command) []byte {
	b = append(b, byte(c.opcode()), 0, 0, 0, 0)
	start := len(b)
	b = c.encode(b)
	binary.BigEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return b
}

// ReadHeader reads an entry's header.
func ReadHeader(entry []byte) (Header, error) {
	h, _, err := splitHeader(entry)
	return h, err
}

// splitHeader returns an entry's header, and its commands.
func splitHeader(entry []byte) (h Header, commands []byte, err error) {
	if len(entry) < headerSize || entry[0] != entryVersion && entry[0] != timelineVersion {
		return Header{}, nil, errCorrupt
	}
	r := reader{b: entry[1:]}
	h = Header{Time: Time(r.fixed64()), Seed: r.fixed64(), Node: r.fixed64(), Seq: r.fixed64()}
	if entry[0] == timelineVersion {
		if len(r.b) < timelineSize {
			return Header{}, nil, errCorrupt
		}
		if h.Timeline = r.fixed64(); h.Timeline == 0 { // the same header would have two encodings
			return Header{}, nil, errCorrupt
		}
	}
	return h, r.b, nil
}

// ReadEntry reads a whole entry. The commands alias its bytes.
func ReadEntry(entry []byte) (Header, []Command, error) { return readEntry(entry, nil) }

// readEntry takes the tasks to enqueue from a spare, if there is one: they are valid until that is used again.
func readEntry(entry []byte, spare *spareTasks) (Header, []Command, error) {
	h, b, err := splitHeader(entry)
	if err != nil {
		return Header{}, nil, err
	}
	var cs []Command
	for len(b) > 0 {
		c, rest, err := readCommand(b, spare)
		if err != nil {
			return Header{}, nil, err
		}
		cs, b = append(cs, c), rest
	}
	return h, cs, nil
}

func readCommand(b []byte, spare *spareTasks) (Command, []byte, error) {
	if len(b) < commandOverhead {
		return nil, nil, errCorrupt
	}
	c := newCommand(opcode(b[0]))
	n := uint64(binary.BigEndian.Uint32(b[1:]))
	b = b[commandOverhead:]
	if c == nil || n > uint64(len(b)) {
		return nil, nil, errCorrupt
	}
	r := reader{b: b[:n:n], spare: spare}
	c.decode(&r)
	return c, b[n:], r.done()
}
