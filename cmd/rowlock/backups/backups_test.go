package backups

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/bucket/buckettest"
	"github.com/rowlock/rowlock/store/extract"
	"github.com/rowlock/rowlock/task"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startNode runs a group of one until the test ends.
func startNode(t *testing.T) *raftfsm.Node {
	n, _ := startArchiving(t, nil)
	return n
}

// startArchiving runs a group of one that archives its log, until it is stopped or the test ends.
func startArchiving(t *testing.T, to *raftfsm.ArchiveConfig) (n *raftfsm.Node, stop func()) {
	t.Helper()
	n, err := raftfsm.Open(raftfsm.Config{
		Archive: to, DataDir: t.TempDir(), NodeID: "n1", Bootstrap: true, Logger: slog.New(slog.DiscardHandler), MinFree: 1,
		Raft: raftfsm.RaftConfig{HeartbeatTimeout: 100 * time.Millisecond, ElectionTimeout: 100 * time.Millisecond, LeaderLeaseTimeout: 50 * time.Millisecond},
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = n.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	<-n.Ready()
	return n, stop
}

// enqueue makes tasks, and returns the first one's ID.
func enqueue(t *testing.T, n *raftfsm.Node, queue string, count int) task.ID {
	t.Helper()
	c := &task.Enqueue{}
	for i := range count {
		c.Tasks = append(c.Tasks, task.NewTask{Queue: queue, Payload: fmt.Appendf(nil, "payload %d", i)})
	}
	r, err := n.Propose(t.Context(), c)
	must(t, err)
	must(t, r.Code.Err())
	return r.Items[0].ID
}

func directory(t *testing.T) bucket.Bucket {
	t.Helper()
	b, err := bucket.Open(t.Context(), t.TempDir())
	must(t, err)
	return b
}

func opts() SaveOptions { return SaveOptions{Now: time.Now} }

func source(n *raftfsm.Node) Source { return FromNode(n, "test", time.Minute) }

// verify opens and proves a backup.
func verify(t *testing.T, b bucket.Bucket, name string, keys archive.Keys) (Verified, error) {
	o, err := OpenAt(t.Context(), b, name, keys)
	if err != nil {
		return Verified{}, err
	}
	defer o.Close()
	return Verify(t.Context(), o.Reader, VerifyOptions{Dir: t.TempDir(), Now: time.Now})
}

func TestSaveAndVerify(t *testing.T) {
	n := startNode(t)
	enqueue(t, n, "mail", 50)
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	s3, err := bucket.Open(t.Context(), buckettest.Serve(t, "x", nil))
	must(t, err)
	for name, b := range map[string]bucket.Bucket{"directory": directory(t), "s3": s3} {
		t.Run(name, func(t *testing.T) {
			o := opts()
			o.Archive = archive.Options{Recipients: []age.Recipient{identity.Recipient()}, Signer: private}
			var most int64
			o.Progress = func(done, total int64) { most = max(most, done) }
			saved, err := Save(t.Context(), source(n), b, o)
			must(t, err)
			if saved.Reason != "" || saved.Manifest.LiveTasks != 50 || most != saved.Manifest.Body.PlainSize {
				t.Errorf("saved %+v after %d bytes", saved, most)
			}
			keys := archive.Keys{Identities: []age.Identity{identity}, Verify: public}
			v, err := verify(t, b, saved.Name, keys)
			if err != nil || v.Hash != saved.Manifest.Hash || v.LiveTasks != 50 || v.Timeline <= archive.Timeline0 {
				t.Errorf("verified %+v, %v", v, err)
			}
			must(t, VerifyStored(t.Context(), b, saved.Name, saved.Manifest, nil))
			if _, err := verify(t, b, saved.Name, archive.Keys{Verify: public}); !errors.Is(err, archive.ErrKey) {
				t.Errorf("without the key: %v", err)
			}
			must(t, Mark(t.Context(), b, saved.Name, saved.Manifest, time.Now()))
			list, err := List(t.Context(), b, "", archive.Keys{})
			if err != nil || len(list) != 1 || !list[0].Good() || list[0].Verified.IsZero() || list[0].Signer != archive.KeyText(public) {
				t.Errorf("list %+v, %v", list, err)
			}
			for _, which := range []string{"", Latest, saved.Name, fmt.Sprint(saved.Manifest.Index), filepath.Base(saved.Name)} {
				o, err := Find(t.Context(), addressOf(t, b), which, keys)
				if name == "s3" {
					continue // its address lacks the endpoint
				}
				must(t, err)
				if o.Name != saved.Name {
					t.Errorf("%q is %s", which, o.Name)
				}
				o.Close()
			}
		})
	}
}

func addressOf(t *testing.T, b bucket.Bucket) string {
	if strings.HasPrefix(b.String(), "s3:") {
		return t.TempDir()
	}
	return b.String()
}

// TestFlippedBackup flips bits of a backup: each is found, at the latest by the trial restore.
func TestFlippedBackup(t *testing.T) {
	n := startNode(t)
	enqueue(t, n, "mail", 20)
	b := directory(t)
	saved, err := Save(t.Context(), source(n), b, opts())
	must(t, err)
	path := filepath.Join(b.String(), saved.Name)
	content, err := os.ReadFile(path)
	must(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		bit := r.IntN(len(content) * 8)
		content[bit/8] ^= 1 << (bit % 8)
		must(t, os.WriteFile(path, content, 0o600))
		if _, err := verify(t, b, saved.Name, archive.Keys{}); !Refused(err) && !errors.Is(err, ErrUnsound) {
			t.Fatalf("bit %d of byte %d of %d: %v", bit%8, bit/8, len(content), err)
		}
		content[bit/8] ^= 1 << (bit % 8)
	}
}

// TestAnotherState: an archive that is whole but holds another state than its manifest says is refused.
func TestAnotherState(t *testing.T) {
	n := startNode(t)
	enqueue(t, n, "mail", 3)
	lie := func(change func(*archive.Manifest)) Source {
		return func(ctx context.Context) (*State, error) {
			s, err := source(n)(ctx)
			if err == nil {
				change(&s.Manifest)
			}
			return s, err
		}
	}
	for name, change := range map[string]func(*archive.Manifest){
		"hash":  func(m *archive.Manifest) { m.Hash = archive.HashText(7) },
		"index": func(m *archive.Manifest) { m.Index++ },
		"tasks": func(m *archive.Manifest) { m.LiveTasks++ },
	} {
		b := directory(t)
		saved, err := Save(t.Context(), lie(change), b, opts())
		must(t, err)
		if _, err := verify(t, b, saved.Name, archive.Keys{}); !errors.Is(err, ErrUnsound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fake is a source of so many bytes that fails at the end with an error, or has a verdict.
func fake(err error, agreed *archive.Agreed, reason string) Source {
	return func(context.Context) (*State, error) {
		var from io.Reader = strings.NewReader("state")
		if err != nil {
			from = io.MultiReader(from, failing{err})
		}
		return &State{
			Manifest: archive.Manifest{
				Kind: archive.Full, ClusterID: "c", Timeline: archive.Timeline0, Index: 7, Hash: archive.HashText(1), StateTime: time.Now(),
			},
			Size: 5, Reader: from, Close: func() {},
			Verdict: func(context.Context) (*archive.Agreed, string, error) { return agreed, reason, nil },
		}, nil
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

var agreed = &archive.Agreed{Index: 8, Hash: archive.HashText(2)}

// TestSaveFails: a backup that fails leaves nothing; one whose member went away is begun again.
func TestSaveFails(t *testing.T) {
	b := directory(t)
	broken := errors.New("broken")
	if _, err := Save(t.Context(), fake(broken, agreed, ""), b, opts()); !errors.Is(err, broken) {
		t.Errorf("a broken source: %v", err)
	}
	if list, err := b.List(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	attempts := 0
	o := opts()
	o.Retrying = func(error) { attempts++ }
	flaky := func(ctx context.Context) (*State, error) {
		if attempts == 0 {
			return fake(status.Error(codes.Unavailable, "the leader has changed"), agreed, "")(ctx)
		}
		return fake(nil, agreed, "")(ctx)
	}
	saved, err := Save(t.Context(), flaky, b, o)
	if err != nil || attempts != 1 {
		t.Errorf("%+v after %d failures: %v", saved, attempts, err)
	}
	// One that nobody agrees on doesn't take the place of one that is good, and has a place of its own otherwise.
	if _, err := Save(t.Context(), fake(nil, nil, "nobody answers"), b, opts()); !errors.Is(err, ErrNotAgreed) {
		t.Errorf("over a good one: %v", err)
	}
	if list, err := List(t.Context(), b, "c", archive.Keys{}); err != nil || len(list) != 1 || !list[0].Good() {
		t.Errorf("%+v, %v", list, err)
	}
	saved, err = Save(t.Context(), fake(nil, nil, "nobody answers"), directory(t), opts())
	if err != nil || saved.Reason != "nobody answers" || saved.Manifest.Agreed != nil {
		t.Errorf("%+v, %v", saved, err)
	}
}

// TestBucketFails: a bucket that fails midway is an error, ends the source, and has nothing to show.
func TestBucketFails(t *testing.T) {
	var refuses atomic.Bool
	refuses.Store(true)
	address := buckettest.Serve(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && refuses.Load() {
				w.WriteHeader(http.StatusInsufficientStorage)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	b, err := bucket.Open(t.Context(), address)
	must(t, err)
	if _, err := Save(t.Context(), fake(nil, agreed, ""), b, opts()); !errors.Is(err, bucket.ErrNoSpace) {
		t.Errorf("a full bucket: %v", err)
	}
	if list, err := List(t.Context(), b, "", archive.Keys{}); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	refuses.Store(false)
	_, err = Save(t.Context(), fake(nil, agreed, ""), b, opts())
	must(t, err)
	if o, err := Find(t.Context(), address, Latest, archive.Keys{}); err != nil || o.Manifest().Index != 7 {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestLatest: the newest good backup is meant, whatever came after it.
func TestLatest(t *testing.T) {
	n := startNode(t)
	b := directory(t)
	if _, err := Find(t.Context(), b.String(), Latest, archive.Keys{}); !errors.Is(err, ErrNone) {
		t.Errorf("of none: %v", err)
	}
	good, err := Save(t.Context(), source(n), b, opts())
	must(t, err)
	enqueue(t, n, "mail", 1)
	doubtful := func(ctx context.Context) (*State, error) {
		s, err := source(n)(ctx)
		if err == nil {
			s.Verdict = func(context.Context) (*archive.Agreed, string, error) { return nil, "nobody answers", nil }
		}
		return s, err
	}
	_, err = Save(t.Context(), doubtful, b, opts())
	must(t, err)
	o, err := Find(t.Context(), b.String(), Latest, archive.Keys{})
	must(t, err)
	defer o.Close()
	if o.Name != good.Name {
		t.Errorf("the latest is %s, want %s", o.Name, good.Name)
	}
}

// TestDiff compares a state with itself and with a later one.
func TestDiff(t *testing.T) {
	n := startNode(t)
	first := enqueue(t, n, "mail", 5)
	b := directory(t)
	open := func() *extract.Source {
		saved, err := Save(t.Context(), source(n), b, opts())
		must(t, err)
		o, err := OpenAt(t.Context(), b, saved.Name, archive.Keys{})
		must(t, err)
		defer o.Close()
		s, err := extract.Open(t.Context(), o.Reader, extract.Options{Dir: t.TempDir()})
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	before := open()
	d, err := Diff(t.Context(), before, before, 10)
	if err != nil || len(d.Tasks)+len(d.Queues)+len(d.Schedules)+len(d.Examples) != 0 || d.Unchanged != 5 {
		t.Errorf("with itself: %+v, %v", d, err)
	}
	_, err = n.Propose(t.Context(), &task.Cancel{IDs: []task.ID{first}})
	must(t, err)
	enqueue(t, n, "other", 2)
	_, err = n.Propose(t.Context(), &task.SetQueue{Queue: "mail", Fields: task.FieldMaxTasks, Settings: task.QueueSettings{MaxTasks: 9}})
	must(t, err)
	d, err = Diff(t.Context(), before, open(), 1)
	must(t, err)
	want := []TaskCount{
		{"mail", Finished, task.Pending, task.Cancelled, 1},
		{"other", Added, task.None, task.Pending, 2},
	}
	if fmt.Sprint(d.Tasks) != fmt.Sprint(want) || d.Unchanged != 4 || len(d.Examples) != 1 || d.More != 2 {
		t.Errorf("%+v", d)
	}
	if got := fmt.Sprint(d.Queues); got != "[{mail changed [Settings.MaxTasks: 0 -> 9]} {other added []}]" {
		t.Error(got)
	}
}
