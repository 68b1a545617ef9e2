package raftfsm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
)

// transfer has another member lead.
func (g *group) transfer(to *member) {
	g.t.Helper()
	eventually(g.t, "the other member leads", func() bool {
		if to.leadership.serving() {
			return true
		}
		// A transfer that fails is tried again.
		_ = g.leader().raft.LeadershipTransferToServer(serverID(to.identity), raft.ServerAddress(to.network.Addr().String())).Error()
		return false
	})
}

// TestStaleLeadersImage: what a leader of before is still sending takes nothing away that a later one has given out.
func TestStaleLeadersImage(t *testing.T) {
	g := newGroup(t, 3, nil)
	_, f := g.follower()
	give := func(content string, term uint64) ([sha256.Size]byte, error) {
		sum := sha256.Sum256([]byte(content))
		a := ImageAnnouncement{Term: term, SHA256: sum, Size: uint64(len(content))}
		return sum, f.TakeImage(t.Context(), a, bytes.NewReader([]byte(content)))
	}
	term := f.raft.CurrentTerm()
	late, err := give("of the later leader", term)
	if err != nil {
		t.Fatal(err)
	}
	early, err := give("of the earlier leader", term-1)
	if !errors.Is(err, ErrRefused) {
		t.Errorf("an earlier leader's: %v", err)
	}
	if _, err := f.store.KeptImage(late); err != nil {
		t.Errorf("the later leader's is gone: %v", err)
	}
	if _, err := f.store.KeptImage(early); !errors.Is(err, store.ErrNoImage) {
		t.Errorf("the earlier leader's is kept: %v", err)
	}
	if err := f.dropImages(term - 1); !errors.Is(err, ErrRefused) {
		t.Errorf("its own, of when it led: %v", err)
	}
	if _, err := f.store.KeptImage(late); err != nil {
		t.Errorf("the later leader's is gone: %v", err)
	}
}

// TestRestoreEndsWithTheTerm: a leader that has lost the lead while it gave out the file, and leads again, doesn't restore: a
// member that was taken in meanwhile hasn't got the file.
func TestRestoreEndsWithTheTerm(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 5))
	b := save(t, g.leader())
	l := g.leader()
	_, other := g.follower()
	fresh := g.add(false, nil)
	var once sync.Once
	g.sent = func(*member) {
		once.Do(func() {
			g.transfer(other)
			g.join(3, true)
			g.transfer(l)
		})
	}
	if _, err := l.Restore(t.Context(), OnlineRestore{Path: b.upload(t, l)}); !errors.Is(err, ErrRefused) && !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("restore: %v", err)
	}
	wait(t, fresh.Ready())
	g.awaitTimeline(0)
	g.converge()
	if n := len(g.running()); n != 4 {
		t.Errorf("%d members run, want 4", n)
	}
}

// TestRestoreCalledOff: who gives up before anything is proposed has changed nothing.
func TestRestoreCalledOff(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 5))
	b := save(t, g.leader())
	l := g.leader()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	sent := 0
	g.sent = func(*member) {
		mu.Lock()
		defer mu.Unlock()
		if sent++; sent == 2 {
			cancel()
		}
	}
	if _, err := l.Restore(ctx, OnlineRestore{Path: b.upload(t, l)}); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	g.insist(enqueue("q", 1))
	g.awaitTimeline(0)
	g.converge()
}

// TestRestoreDiesBeforeTheLogIsCut: the entries up to a restore, its own but the last one, are gone after a start, as whoever is
// behind must get the state: nobody has the file any more that the entry names.
func TestRestoreDiesBeforeTheLogIsCut(t *testing.T) {
	g := newGroup(t, 1, nil)
	g.insist(enqueue("q", 5))
	l := g.leader()
	b := save(t, l)
	g.restore(b, OnlineRestore{})
	at := firstIndex(t, l.Node)
	l.close(t)
	editLog(t, l.config.DataDir, func(log *store.LogStore) {
		for i := range at - 1 {
			if err := log.StoreLog(&raft.Log{Index: i + 1, Term: 1, Type: raft.LogNoop}); err != nil {
				t.Fatal(err)
			}
		}
	})
	// The state is where the entry left it.
	p := store.Position{Index: at, Term: 0}
	editLog(t, l.config.DataDir, func(log *store.LogStore) {
		var e raft.Log
		if err := log.GetLog(at, &e); err != nil {
			t.Fatal(err)
		}
		p.Term = e.Term
		r := raftLog{LogStore: log}
		if dropped, err := r.reconcile(p); err != nil || dropped {
			t.Errorf("reconcile: %v %v", dropped, err)
		}
		if first, err := log.FirstIndex(); err != nil || first != at {
			t.Errorf("the log begins at %d, want %d: %v", first, at, err)
		}
	})
}
