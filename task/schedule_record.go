package task

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// appendDefinition encodes what a schedule's owner wrote.
func (s *schedule) appendDefinition(b []byte) []byte {
	b = appendUint(appendBytes(append(b, recordVersion), s.name), s.revision)
	b = s.policy.append(s.spec.append(b))
	b = appendInt(appendInt(b, s.created), s.updated)
	return append(b, s.template...)
}

// appendState encodes what became of it. The ledger has records of its own.
func (s *schedule) appendState(b []byte) []byte {
	b = appendBool(append(b, recordVersion), s.paused)
	b = appendInt(appendInt(b, s.next), s.due)
	b = append(appendInt(appendInt(b, s.queued.nominal), s.queued.due), byte(s.queued.origin))
	return appendIDs(appendUint(b, s.ledger.next), s.live)
}

func (k *ledgerBlock) append(b []byte) []byte {
	return append(appendUint(append(b, recordVersion), uint64(k.count)), k.b...)
}

// ledgerKey is the key of a block's record.
func ledgerKey(id ID, first uint64) (key uniqueKey) {
	binary.BigEndian.PutUint64(key[:8], uint64(id))
	binary.BigEndian.PutUint64(key[8:], first)
	return key
}

func (d *dirtySet) ledger(id ID, first uint64) {
	d.records[recordKey{kind: KindScheduleLedger, key: ledgerKey(id, first)}] = struct{}{}
}

// scheduleValue encodes one of a schedule's records as it is now; nil if it is gone.
func (m *Machine) scheduleValue(k Kind, id ID) []byte {
	s, ok := m.schedules.byID[id]
	switch {
	case !ok:
		return nil
	case k == KindSchedule:
		return s.appendDefinition(nil)
	}
	s.dirty = false
	return s.appendState(nil)
}

func (m *Machine) ledgerValue(key uniqueKey) []byte {
	s, ok := m.schedules.byID[ID(binary.BigEndian.Uint64(key[:8]))]
	if !ok {
		return nil
	}
	k := s.ledger.block(binary.BigEndian.Uint64(key[8:]))
	if k == nil {
		return nil
	}
	return k.append(nil)
}

// hashNow adds up the parts of the definition, which is hashed once, of the state, and of the ledger's blocks.
func (s *schedule) hashNow(m *Machine) uint64 {
	if s.fixed == 0 {
		m.scratch = s.appendDefinition(m.scratch[:0])
		s.fixed = hashOf(uint64(s.id), m.scratch)
	}
	h := s.fixed
	m.scratch = s.appendState(m.scratch[:0])
	h += hashOf(uint64(s.id), m.scratch)
	for i := range s.ledger.blocks {
		k := &s.ledger.blocks[i]
		m.scratch = k.append(m.scratch[:0])
		h += hashOf(mix(uint64(s.id))+k.first, m.scratch)
	}
	return h
}

func (m *Machine) loadSchedule(id ID, value []byte) error {
	r := reader{b: value}
	if r.byte() != recordVersion {
		return errCorrupt
	}
	s := &schedule{id: id, name: strings.Clone(r.string()), revision: r.uint()}
	s.spec.read(&r)
	s.spec.Expression, s.spec.TimeZone = strings.Clone(s.spec.Expression), strings.Clone(s.spec.TimeZone)
	s.policy.read(&r)
	s.created, s.updated = r.int(), r.int()
	s.template = slices.Clone(r.b)
	var t NewTask
	t.read(&r)
	if err := r.done(); err != nil {
		return err
	}
	if _, taken := m.schedules.byName[s.name]; taken || id >= m.nextID || s.name == "" {
		return errCorrupt
	}
	m.schedules.byName[s.name], m.schedules.byID[id] = s, s
	m.schedules.bytes += s.size()
	return nil
}

func (m *Machine) loadScheduleState(id ID, value []byte) error {
	s, ok := m.schedules.byID[id]
	r := reader{b: value}
	if !ok || r.byte() != recordVersion {
		return errCorrupt
	}
	s.paused = r.bool()
	next, due := r.int(), r.int()
	s.queued = occurrence{nominal: r.int(), due: r.int(), origin: TickOrigin(r.byteMax(byte(originCount - 1)))}
	s.ledger.next, s.live = r.uint(), r.ids()
	if r.done() != nil || s.ledger.next == 0 || s.paused && next != 0 || !wholeSeconds(next) || due < next || !slices.IsSorted(s.live) {
		return errCorrupt
	}
	m.schedules.arm(s, next, due)
	return nil
}

func (m *Machine) loadLedger(key, value []byte) error {
	if len(key) != len(uniqueKey{}) {
		return errCorrupt
	}
	s, ok := m.schedules.byID[ID(binary.BigEndian.Uint64(key))]
	r := reader{b: value}
	if !ok || r.byte() != recordVersion {
		return errCorrupt
	}
	k := ledgerBlock{first: binary.BigEndian.Uint64(key[8:]), count: int(r.uintMax(ledgerBlockEntries))}
	k.b = slices.Clone(r.b)
	if _, err := k.entries(); r.bad || err != nil || k.count == 0 {
		return errCorrupt
	}
	if n := len(s.ledger.blocks); n > 0 && s.ledger.blocks[n-1].first+ledgerBlockEntries != k.first {
		return errCorrupt
	}
	s.ledger.blocks = append(s.ledger.blocks, k)
	return nil
}

// settleSchedules checks what was loaded, and derives what isn't written.
func (m *Machine) settleSchedules() error {
	x := &m.schedules
	for _, name := range sortedKeys(x.byName) {
		s := x.byName[name]
		end := s.ledger.next
		if n := len(s.ledger.blocks); n > 0 {
			end = s.ledger.blocks[n-1].first + uint64(s.ledger.blocks[n-1].count)
		}
		if s.ledger.next == 0 || end != s.ledger.next {
			return fmt.Errorf("schedule %q: its records don't fit together: %w", name, errCorrupt)
		}
		for _, id := range s.live {
			if i := m.index.get(id); i == 0 || m.tasks.at(i).flags&flagScheduled == 0 || m.tasks.at(i).state == DeadLetter {
				return fmt.Errorf("schedule %q: its task %v isn't live: %w", name, id, errCorrupt)
			}
		}
		x.sorted = append(x.sorted, s)
		x.hashes.changed(s)
		if s.startable() {
			x.wake(s.id)
		}
	}
	return nil
}
