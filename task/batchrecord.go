package task

import "strings"

// append encodes a batch. Whoever decodes it finds what is to be done in it.
func (b *batch) append(to []byte) []byte {
	to = appendBytes(append(to, recordVersion), b.name)
	to = appendInt(appendInt(appendInt(to, b.created), b.closed), b.ended)
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
		}
	}
	return to
}

// readBatch decodes a batch and enters it.
func (m *Machine) readBatch(id ID, v []byte) error {
	r := reader{b: v}
	version := r.byte()
	b := &batch{id: id, name: strings.Clone(r.string()), created: r.int(), closed: r.int(), ended: r.int()}
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
	if b.ended != 0 {
		m.alarms.push(alarm{at: after(b.ended, BatchTTL), kind: alarmBatch, id: uint64(id)})
	}
	return nil
}

func (c *callback) read(r *reader) {
	if c.state = CallbackState(r.byteMax(byte(callbackStates - 1))); c.state == CallbackNone {
		return
	}
	c.template = append([]byte(nil), r.bytes()...)
	c.at, c.task, c.code = r.int(), ID(r.uint()), Code(r.byteMax(byte(codeCount-1)))
	t := reader{b: c.template}
	var n NewTask
	if n.read(&t); t.done() != nil || !n.canCallBack() {
		r.fail()
	}
}

func (b *batch) hashNow(m *Machine) uint64 {
	m.scratch = b.append(m.scratch[:0])
	return hashOf(uint64(b.id), m.scratch)
}
