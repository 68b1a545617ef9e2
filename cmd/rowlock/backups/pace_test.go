package backups

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
)

// TestSavePaced: a save takes no more than it was told to. The time is synctest's.
func TestSavePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		from := func(context.Context) (*State, error) {
			return &State{
				Manifest: archive.Manifest{
					Kind: archive.Full, ClusterID: "c", NodeID: "n", Version: "test", Timeline: archive.Timeline0, Index: 7, Term: 1,
					StateTime: time.Unix(1, 0).UTC(), FeatureLevel: 1, Hash: archive.HashText(1),
				},
				Size: size, Reader: bytes.NewReader(make([]byte, size)), Close: func() {},
				Verdict: func(context.Context) (*archive.Agreed, string, error) { return nil, "nobody was asked", nil },
			}, nil
		}
		to := directory(t)
		for rate, want := range map[int64]time.Duration{0: 0, 1 << 20: 4 * time.Second, 4 << 20: time.Second} {
			start := time.Now()
			_, err := Save(t.Context(), from, to, SaveOptions{Name: archive.HashText(uint64(rate)), Now: time.Now, BytesPerSecond: rate})
			must(t, err)
			if took := time.Since(start); took > want || took < want*8/10 {
				t.Errorf("4 MiB at %d bytes a second took %s, want %s", rate, took, want)
			}
		}
	})
}

// TestProofPaced: the trial restore of a scheduled backup waits for the member's pacer, and so does reading one back that can't be
// decrypted here.
func TestProofPaced(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("restored", func(t *testing.T) { proofPaced(t, nil) })
	t.Run("read back", func(t *testing.T) { proofPaced(t, []age.Recipient{identity.Recipient()}) })
}

func proofPaced(t *testing.T, to []age.Recipient) {
	t.Helper()
	n := startNode(t)
	b, c := directory(t), &clock{}
	c.at.Store(time.Now().Unix())
	m := newMember(t, n, b, c)
	m.Pace = store.NewPacer(1, nil)                         // it would take days
	if err := m.Pace.Wait(t.Context(), 1<<20); err != nil { // the first piece passes at once
		t.Fatal(err)
	}
	m.Archive.Recipients = to
	enqueue(t, n, "mail", 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.step(ctx)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for m.Pace.Waited() == 0 {
		select {
		case <-done:
			t.Fatal("it ended without waiting")
		case <-tick.C:
		}
	}
	cancel()
	<-done
	if list := saves(t, b); len(list) != 1 || !list[0].Verified.IsZero() {
		t.Errorf("%+v", list)
	}
}
