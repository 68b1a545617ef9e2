package task

import "strings"

// append encodes a batch. Whoever decodes it finds what is to be done in it.
func (b *batch) append(to []byte) []byte {
	to = appendBytes(append(to, recordVersion), b.name)
	to = appendInt(appendInt(appendInt(to, b.created), b.closed), b.ended)
	to = appendBool(appendInt(appendInt(to, b.idle), b.active), b.expired)
	for _, n := range b.counts.all() {
		to = appendUint(to, *n)
	}
	to = appendUint(appendUint(appendBool(to, b.cancelled), uint64(b.mark)), uint64(b.cursor))
	for i := range b.callbacks {
		c := &b.callbacks[i]
		to = append(to, byte(c.state))
		if c.state != CallbackNone {
			to = appendInt(appendBytes(to, c.template), c.at)
			to = append(appendUint(to, uint64(c.task)), byte(c.code))
			to = appendInt(appendInt(appendUint(to, uint64(c.tries)), c.since), c.next)
		}
	}
	return to
}

// readBatch decodes a batch and enters it.
func (m *Machine) readBatch(id ID, v []byte) error {
	r := reader{b: v}
	version := r.byte()
	b := &batch{id: id, name: strings.Clone(r.string()), created: r.int(), closed: r.int(), ended: r.int()}
	b.idle, b.active, b.expired = r.int(), r.int(), r.bool()
	for _, n := range b.counts.all() {
		*n = r.uint()
	}
	b.cancelled, b.mark, b.cursor = r.bool(), ID(r.uint()), ID(r.uint())
	for i := range b.callbacks {
		b.callbacks[i].read(&r)
	}
	known := m.batches.order
	if r.done() != nil || version != recordVersion || id >= m.nextID || len(known) > 0 && id <= known[len(known)-1] {
		return errCorrupt
	}
	m.batches.add(b)
	m.batches.hashes.changed(b)
	m.watchEnd(b)
	m.watchIdle(b)
	for i := range b.callbacks {
		if c := &b.callbacks[i]; c.state == CallbackRefused {
			m.watchCallback(b, c)
		}
	}
	return nil
}

func (c *callback) read(r *reader) {
	if c.state = CallbackState(r.byteMax(byte(callbackStates - 1))); c.state == CallbackNone {
		return
	}
	c.template = append([]byte(nil), r.bytes()...)
	c.at, c.task, c.code = r.int(), ID(r.uint()), Code(r.byteMax(byte(codeCount-1)))
	c.tries, c.since, c.next = uint32(r.uintMax(1<<32-1)), r.int(), r.int()
	t := reader{b: c.template}
	var n NewTask
	if n.read(&t); t.done() != nil || !n.canCallBack() || (c.state == CallbackRefused) != (c.next != 0) {
		r.fail()
	}
}

func (b *batch) hashNow(m *Machine) uint64 {
	m.scratch = b.append(m.scratch[:0])
	return hashOf(uint64(b.id), m.scratch)
}
