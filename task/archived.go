package task

// NoteArchived tells the members that the log up to an entry lies in an archive, so that they need not keep it for one any
// longer. A member that gets to lead goes on from there. It is proposed now and then, not with each archive, and also while
// nothing happens: the state's time moves on with it, and what is archived then covers that time.
type NoteArchived struct {
	Index uint64 // of the last entry that is archived
}

// Archived is how far the log has been archived, as the members were last told. It is zero where nothing ever was.
type Archived struct {
	Index uint64 // of an entry of the log; it only grows
	At    Time   // when it was told
}

// archivedID is the key of the only record of KindArchived, and its place in the state hash: larger than any ID.
const archivedID = 1<<64 - 1

// Archived returns how far the log has been archived.
func (m *Machine) Archived() Archived { return m.archived }

// noteArchived never goes back: an old leader may tell later than a new one.
func (m *Machine) noteArchived(c *NoteArchived) Result {
	if c.Index == 0 || c.Index < m.archived.Index {
		return Result{Code: Invalid}
	}
	m.archived = Archived{Index: c.Index, At: m.now}
	m.dirty.record(KindArchived, archivedID)
	return Result{}
}

// forgetArchived is for a new timeline, of which nothing is archived.
func (m *Machine) forgetArchived() {
	if m.archived.Index != 0 {
		m.archived = Archived{}
		m.dirty.record(KindArchived, archivedID)
	}
}

func (a Archived) append(b []byte) []byte {
	return appendInt(appendUint(append(b, recordVersion), a.Index), a.At)
}

func (m *Machine) readArchived(id uint64, b []byte) error {
	r := reader{b: b}
	if id != archivedID || r.byte() != recordVersion {
		return errCorrupt
	}
	m.archived = Archived{Index: r.uint(), At: r.int()}
	if m.archived.Index == 0 {
		r.fail()
	}
	return r.done()
}

// hashArchived is the record's part in the state hash: none while there is no record.
func (m *Machine) hashArchived() uint64 {
	if m.archived.Index == 0 {
		return 0
	}
	m.scratch = m.archived.append(m.scratch[:0])
	return hashOf(archivedID, m.scratch)
}

func (c *NoteArchived) encode(b []byte) []byte { return appendUint(b, c.Index) }
func (c *NoteArchived) decode(r *reader)       { c.Index = r.uint() }
