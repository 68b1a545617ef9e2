package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
)

// snapshots is raft's snapshot store. There is one snapshot, the state file: its index, term and configuration are
// those of the file's position, so that raft and the file can't disagree about what the file holds.
type snapshots struct {
	store       *store.Store
	checkpoints *checkpointer
	compactor   *compactor
	metrics     *metrics
	dir         string

	mu       sync.Mutex // guards received
	received *image     // from a leader, verified, not yet restored
}

// image is a state file that was received from a leader.
type image struct {
	id       string
	path     string
	position store.Position
	began    time.Time // when its first byte came
}

var _ raft.SnapshotStore = (*snapshots)(nil)

// meta describes the state file at a position.
func meta(p store.Position) *raft.SnapshotMeta {
	return &raft.SnapshotMeta{
		Version: raft.SnapshotVersionMax,
		ID:      fmt.Sprintf("state-%d-%d", p.Term, p.Index),
		Index:   p.Index, Term: p.Term,
		Configuration: raft.DecodeConfiguration(p.Configuration), ConfigurationIndex: p.ConfigurationIndex,
	}
}

// List returns the one snapshot, or none while nothing has been checkpointed.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	p := s.store.Position()
	if p.Index == 0 || len(p.Configuration) == 0 {
		return nil, nil
	}
	return []*raft.SnapshotMeta{meta(p)}, nil
}

// Open streams the state file as it is when the stream begins, which may be later than what List said; or an image that
// was received.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	received := s.received
	s.mu.Unlock()
	if received != nil && received.id == id {
		f, err := os.Open(received.path)
		if err != nil {
			return nil, nil, fmt.Errorf("open received state: %w", err)
		}
		return meta(received.position), f, nil
	}
	view, err := s.store.View()
	if err != nil {
		return nil, nil, err
	}
	p := view.Position()
	if p.Index == 0 || len(p.Configuration) == 0 {
		view.Close()
		return nil, nil, errors.New("nothing has been checkpointed yet")
	}
	m := meta(p)
	m.Size = view.Size()
	return m, &snapshotStream{snapshots: s, view: view, release: s.compactor.hold(p.Index)}, nil
}

// snapshotStream sends the state file, and keeps the log behind it until the member that gets it has loaded it.
type snapshotStream struct {
	snapshots *snapshots
	view      *store.View // until source takes over
	source    io.ReadCloser
	release   func(linger bool)
	began     time.Time // of the first Read
	sent      bool
}

// Read begins the copy: not Open, as raft opens the snapshot before it knows whether the member can be reached.
func (s *snapshotStream) Read(b []byte) (int, error) {
	if s.source == nil {
		s.began = time.Now()
		source, err := s.snapshots.stream(s.view)
		if err != nil {
			return 0, err
		}
		s.source = source
	}
	n, err := s.source.Read(b)
	s.sent = s.sent || errors.Is(err, io.EOF)
	return n, err
}

func (s *snapshotStream) Close() error {
	s.release(s.sent)
	if s.sent {
		s.snapshots.metrics.sendSeconds.Observe(time.Since(s.began).Seconds())
	}
	if s.source == nil {
		s.view.Close()
		return nil
	}
	return s.source.Close()
}

// stream copies the file beside itself and sends the copy: a slow member mustn't keep a transaction open, which keeps
// bbolt from using its free pages again. Where there is no room for a copy, it sends from the transaction. It takes the
// view over, unless it fails.
func (s *snapshots) stream(view *store.View) (io.ReadCloser, error) {
	if !roomFor(s.dir, view.Size()) {
		return pipe(view), nil
	}
	image, err := s.store.ImageOf(context.Background(), view, nil) // raft ends a stream by closing it
	if err != nil {
		return nil, err
	}
	view.Close()
	return image, nil
}

// pipe reads what the view writes.
func pipe(view *store.View) io.ReadCloser {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer view.Close()
		_, err := view.WriteTo(w)
		_ = w.CloseWithError(err)
	}()
	return &viewPipe{PipeReader: r, done: done}
}

type viewPipe struct {
	*io.PipeReader
	done chan struct{}
}

// Close ends the writer and waits for it.
func (p *viewPipe) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// roomFor reports whether the file system has room for a copy of so many bytes and four times as much besides.
func roomFor(dir string, size int64) bool {
	free, _, err := store.DiskSpace(dir)
	return err == nil && free > 5*uint64(size)
}

// Create begins a snapshot: a local one, which Persist makes by a checkpoint, or one that a leader sends, which is
// written to the sink.
func (s *snapshots) Create(_ raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{snapshots: s, position: store.Position{
		Index: index, Term: term,
		Configuration: raft.EncodeConfiguration(configuration), ConfigurationIndex: configurationIndex,
	}}, nil
}

// sink takes a snapshot.
type sink struct {
	snapshots *snapshots
	position  store.Position
	file      *os.File // of a snapshot that is being received
	began     time.Time
}

func (s *sink) ID() string {
	return fmt.Sprintf("state-%d-%d", s.position.Term, s.position.Index)
}

func (s *sink) Write(b []byte) (int, error) {
	if s.file == nil {
		f, err := s.snapshots.store.CreateImage()
		if err != nil {
			return 0, err
		}
		s.file, s.began = f, time.Now()
	}
	return s.file.Write(b)
}

// Close verifies what was received, before raft takes any notice of it.
func (s *sink) Close() error {
	if s.file == nil {
		return nil
	}
	path := s.file.Name()
	if err := s.file.Close(); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	p, err := store.PrepareImage(path)
	if err == nil && (p.Index != s.position.Index || p.Term != s.position.Term) {
		err = fmt.Errorf("it is at index %d of term %d", p.Index, p.Term)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("received state %s: %w", s.ID(), err), os.Remove(path))
	}
	s.snapshots.receive(&image{id: s.ID(), path: path, position: p, began: s.began})
	return nil
}

// Cancel drops what was received.
func (s *sink) Cancel() error {
	if s.file == nil {
		return nil
	}
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// receive keeps an image until take; an older one that never was restored goes.
func (s *snapshots) receive(i *image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.received != nil {
		_ = os.Remove(s.received.path)
	}
	s.received = i
}

// take hands out the received image.
func (s *snapshots) take() *image {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.received
	s.received = nil
	return i
}

// localSnapshot is a snapshot that is yet to be made.
type localSnapshot struct{ checkpoints *checkpointer }

// Persist makes the state durable at the sink's position at least.
func (l localSnapshot) Persist(to raft.SnapshotSink) error {
	s, ok := to.(*sink)
	if !ok {
		return fmt.Errorf("a snapshot can't be written to a %T", to)
	}
	return l.checkpoints.take(&s.position)
}

// Release does nothing: nothing is held.
func (l localSnapshot) Release() {}
