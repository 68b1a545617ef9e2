package raftfsm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/task"
)

// TestBackupPaced: reading a backup waits for the member's pacer, and ends with its context.
func TestBackupPaced(t *testing.T) {
	m := startReady(t, testConfig(t, t.TempDir()))
	fillSmall(t, m)
	m.pace = crawling()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b, err := m.Backup(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	piece := make([]byte, 1<<20)
	n, err := b.Read(piece)
	if err != nil || n == 0 || int64(n) == b.Size() {
		t.Fatalf("the first piece: %d bytes of %d, %v", n, b.Size(), err)
	}
	cancel() // what comes next would take days
	if n, err := b.Read(piece); !errors.Is(err, context.Canceled) {
		t.Errorf("the second piece: %d bytes, %v", n, err)
	}
}

// TestCheckPaced: the copy that a member checks of itself waits for the pacer.
func TestCheckPaced(t *testing.T) {
	m := startReady(t, testConfig(t, t.TempDir()))
	for range 20 { // the copy is counted by the megabyte
		fillSmall(t, m)
	}
	m.pace = crawling()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := m.Check(ctx, func(string) {})
		done <- err
	}()
	eventually(t, "it waits", func() bool {
		if len(done) > 0 {
			t.Fatalf("it ended without waiting: %v", <-done)
		}
		return m.pace.Waited() > 0
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestFullBackupOfArchivePaced: the full backup that begins an archive waits for the pacer too.
func TestFullBackupOfArchivePaced(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	fillSmall(t, m)
	to, err := bucket.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{})
	m.config.Archive = &ArchiveConfig{Bucket: &watchedBucket{Bucket: to, reached: reached}}
	m.pace = crawling()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-reached // something of the archive is on its way, so that the pacer is what keeps the rest
		cancel()
	}()
	if _, err := m.saveFull(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v before the pacer let it", err)
	}
	if list, err := to.List(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestBackupOfBusyMember: beside a log that is written without a pause a backup comes to its end, and restores.
func TestBackupOfBusyMember(t *testing.T) {
	c := testConfig(t, t.TempDir())
	c.BackupRate = store.MinBackupRate
	m := startReady(t, c)
	fillSmall(t, m)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = m.Propose(context.Background(), enqueue("mail", 5)) // it ends with the test
		}
	}()
	b, err := m.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	machine, _ := restored(t, b)
	stop()
	<-done
	if machine.Hash() != b.Hash {
		t.Errorf("the image has the hash %x, the backup %x", machine.Hash(), b.Hash)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestBackupRateConfig(t *testing.T) {
	for _, bad := range []int64{1, store.MinBackupRate - 1} {
		c := testConfig(t, t.TempDir())
		c.BackupRate = bad
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("%d bytes a second were accepted", bad)
		}
	}
	c, err := testConfig(t, t.TempDir()).withDefaults()
	if err != nil || c.BackupRate != store.DefaultBackupRate {
		t.Errorf("default %d, %v", c.BackupRate, err)
	}
	c.BackupRate = -1
	if c, err = c.withDefaults(); err != nil || c.BackupRate != -1 {
		t.Errorf("no bound: %d, %v", c.BackupRate, err)
	}
}

// crawling is a pacer that lets a first piece through, and hardly anything behind it. The first piece of the copy beside the
// state file is larger than a small state.
func crawling() *store.Pacer { return store.NewPacer(1, nil) }

// fillSmall gives the state some hundred kilobytes.
func fillSmall(t *testing.T, m *member) {
	t.Helper()
	e := &task.Enqueue{}
	for range 100 {
		e.Tasks = append(e.Tasks, task.NewTask{Queue: "full", Payload: make([]byte, 3000)})
	}
	propose(t, m.Node, e)
}

// watchedBucket tells when an object begins to be written.
type watchedBucket struct {
	bucket.Bucket
	reached chan struct{}
}

func (w *watchedBucket) Put(ctx context.Context, name string, from io.Reader) (int64, error) {
	first := make([]byte, 1)
	_, err := io.ReadFull(from, first)
	close(w.reached)
	if err != nil {
		return 0, err
	}
	return w.Bucket.Put(ctx, name, io.MultiReader(bytes.NewReader(first), from))
}
