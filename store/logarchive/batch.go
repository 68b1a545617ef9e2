package logarchive

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/task"
)

// Link is an end of the chain, where the next archive begins.
type Link struct {
	Index, Term uint64 // of the last entry; the term is 0 where it isn't known
	// SHA256 is the digest of the plain body of the archive that ends there; empty: a full backup does.
	SHA256 string
	// StateTime is the state's time after that entry.
	StateTime task.Time
}

// LinkOf is where an archive ends, a full backup's or a log's.
func LinkOf(m archive.Manifest) Link {
	l := Link{Index: m.Index, Term: m.Term, StateTime: m.StateTime.UnixMicro()}
	if m.Kind == archive.Log {
		l.SHA256 = m.Body.PlainSHA256
	}
	return l
}

// Batch collects entries for one archive, compressed, in memory.
type Batch struct {
	base, end Link
	first     Entry // without its data
	begins    task.Time
	bytes     int
	object    bytes.Buffer
	writer    *archive.Writer
	scratch   []byte
}

// NewBatch begins an archive behind the end of the chain.
func NewBatch(base Link, o archive.Options) (*Batch, error) {
	b := &Batch{base: base, end: base}
	var err error
	if b.writer, err = archive.Create(&b.object, o); err != nil {
		return nil, err
	}
	return b, nil
}

// Add takes the next entry. An error means that it doesn't follow the one before, or can't be written: the batch is of no
// more use.
func (b *Batch) Add(e Entry) error {
	if err := follows(b.end, e); err != nil {
		return err
	}
	b.scratch = appendRecord(b.scratch[:0], e)
	if _, err := b.writer.Write(b.scratch); err != nil {
		return err
	}
	b.bytes += len(b.scratch)
	if b.end.pass(e); b.first.Index == 0 {
		b.first, b.begins = Entry{Index: e.Index, Term: e.Term}, b.end.StateTime
	}
	return nil
}

// Bytes is how many the entries take, plain.
func (b *Batch) Bytes() int { return b.bytes }

// Entries is how many there are.
func (b *Batch) Entries() uint64 { return b.end.Index - b.base.Index }

// Seal ends the archive and returns it as one object with its manifest, to which about adds whose it is.
func (b *Batch) Seal(about archive.Manifest) (object []byte, m archive.Manifest, err error) {
	m = about
	m.Kind = archive.Log
	m.FirstIndex, m.FirstTerm, m.FirstStateTime = b.first.Index, b.first.Term, timeOf(b.begins)
	m.Index, m.Term, m.Entries = b.end.Index, b.end.Term, b.Entries()
	m.PrevIndex, m.PrevTerm, m.PrevSHA256 = b.base.Index, b.base.Term, b.base.SHA256
	m.StateTime = timeOf(b.end.StateTime)
	if m, err = b.writer.Close(m); err != nil {
		return nil, m, err
	}
	return b.object.Bytes(), m, nil
}

// follows reports what keeps an entry from following an end of the chain.
func follows(end Link, e Entry) error {
	switch {
	case e.Index != end.Index+1:
		return fmt.Errorf("%w: entry %d follows entry %d", ErrGap, e.Index, end.Index)
	case e.Term < end.Term:
		return fmt.Errorf("%w: entry %d is of term %d, and the one before of term %d", ErrDiverged, e.Index, e.Term, end.Term)
	}
	return nil
}

// pass moves the end behind an entry.
func (l *Link) pass(e Entry) {
	l.Index, l.Term, l.SHA256 = e.Index, e.Term, ""
	if e.Type != raft.LogCommand {
		return
	}
	if h, err := task.ReadHeader(e.Data); err == nil {
		l.StateTime = max(l.StateTime, h.Time)
	}
}
