package task

import "encoding/binary"

// Header begins every log entry.
type Header struct {
	Time Time   // the proposer's clock
	Seed uint64 // for jitter
	Node uint64 // the proposer's random incarnation, and
	Seq  uint64 // its count of entries: together they name the entry
}

// entryVersion is the version of the encoding of entries.
const entryVersion = 1

// headerSize is the length of an encoded Header: version, time, seed, node, sequence.
const headerSize = 1 + 4*8

// commandOverhead is what an encoded command takes besides its body: number and length.
const commandOverhead = 1 + 4

// AppendHeader begins an entry: headerSize bytes at the end of b.
func AppendHeader(b []byte, h Header) []byte {
	b = append(b, entryVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Time))
	b = binary.BigEndian.AppendUint64(b, h.Seed)
	b = binary.BigEndian.AppendUint64(b, h.Node)
	return binary.BigEndian.AppendUint64(b, h.Seq)
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
	if len(entry) < headerSize || entry[0] != entryVersion {
		return Header{}, errCorrupt
	}
	r := reader{b: entry[1:headerSize]}
	return Header{Time: Time(r.fixed64()), Seed: r.fixed64(), Node: r.fixed64(), Seq: r.fixed64()}, nil
}

// ReadEntry reads a whole entry. The commands alias its bytes.
func ReadEntry(entry []byte) (Header, []Command, error) { return readEntry(entry, nil) }

// readEntry takes the tasks to enqueue from a spare, if there is one: they are valid until that is used again.
func readEntry(entry []byte, spare *spareTasks) (Header, []Command, error) {
	h, err := ReadHeader(entry)
	if err != nil {
		return Header{}, nil, err
	}
	var cs []Command
	for b := entry[headerSize:]; len(b) > 0; {
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
