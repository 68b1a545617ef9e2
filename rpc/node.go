package rpc

import (
	"context"
	"net"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

// Node is what the API needs of the member that it stands on; raftfsm.Node is one.
type Node interface {
	// Propose replicates a command and returns its result.
	Propose(ctx context.Context, c task.Command) (task.Result, error)
	// Submit replicates commands that stay adjacent in one entry; done runs on the apply goroutine and must not block.
	// Urgent ones still find room when others are turned away.
	Submit(cs []task.Command, urgent bool, done func([]task.Result, error))
	// SubmitSeen is Submit for what was seen in a timeline; Timeline is this member's.
	SubmitSeen(timeline uint64, cs []task.Command, urgent bool, done func([]task.Result, error))
	Timeline() uint64
	// Read runs fn on a view that has everything acknowledged so far, or with stale on what this member has.
	Read(ctx context.Context, stale bool, fn func(*raftfsm.View) error) error
	// Machine runs fn on this member's state under its read lock: fn must be quick.
	Machine(fn func(*task.Machine))
	// SetDispatcher names the one who hands out leases while this member leads.
	SetDispatcher(d raftfsm.Dispatcher)
	// Applied is the entry of the log up to which this member has executed it; AwaitApplied waits for one.
	Applied() uint64
	AwaitApplied(ctx context.Context, index uint64) error
	Sessions() *raftfsm.Sessions
	Status() raftfsm.Status
	// Ready is closed when a leader is known.
	Ready() <-chan struct{}
	Keeper
	Archivist
	Group
	Copier
	Restorer
}

// Archivist is what the API needs for archives of the log; see raftfsm.Node.
type Archivist interface {
	ReadLog(after uint64, bytes int, take func(raftfsm.LogEntry) error) (last uint64, err error)
	LogTerm(index uint64) (uint64, error)
	Archive() (raftfsm.ArchiveStatus, bool)
}

// Keeper is what the API needs to look after the files of its member; see raftfsm.Node.
type Keeper interface {
	Check(ctx context.Context, progress func(phase string)) (*raftfsm.CheckResult, error)
	Vacuum(ctx context.Context, file string, o raftfsm.VacuumOptions) (raftfsm.VacuumResult, error)
}

// Copier is what the API needs to hand out this member's state; see raftfsm.Node.
type Copier interface {
	Backup(ctx context.Context) (*raftfsm.Backup, error)
	AwaitVerdict(ctx context.Context, b *raftfsm.Backup) (raftfsm.Checksum, error)
	Judge() error
	ReadIndex(ctx context.Context) (uint64, error)
}

// Group is what the API needs of the other members, and to change who they are; see raftfsm.Node.
type Group interface {
	// Serving reports whether this member leads and serves; OtherLeader is the Raft address of another that leads.
	Serving() bool
	OtherLeader() string
	// Lag is how far this member's state may be behind.
	Lag() (entries uint64, contact time.Duration)
	// LeaderAPI is where clients reach the other member that leads, if that is known.
	LeaderAPI() string
	Describe() raftfsm.Description
	Members() ([]raftfsm.MemberState, error)
	SetDiscoverer(d raftfsm.Discoverer)
	SetStandby(standby bool) error
	Join(ctx context.Context, serverID, address string, supportedLevel uint32) error
	Remove(ctx context.Context, id string) error
	Promote(ctx context.Context, id string) error
	Demote(ctx context.Context, id string) error
	Transfer(ctx context.Context, id string) error
	PeerListener() net.Listener
	DialPeer(ctx context.Context, address string) (net.Conn, error)
}

// submit replicates commands, each of its own, and waits for all results. They share entries with whatever else is
// proposed at the time.
func submit(ctx context.Context, n Node, cs []task.Command, urgent bool) ([]task.Result, error) {
	if len(cs) == 1 {
		return submitTogether(ctx, n, cs, urgent)
	}
	type answer struct {
		at      int
		results []task.Result
		err     error
	}
	answers := make(chan answer, len(cs))
	for i, c := range cs {
		submitSeen(ctx, n, []task.Command{c}, urgent, func(rs []task.Result, err error) { answers <- answer{i, rs, err} })
	}
	results := make([]task.Result, len(cs))
	for range cs {
		select {
		case a := <-answers:
			if a.err != nil {
				return nil, a.err
			}
			results[a.at] = a.results[0]
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return results, nil
}

// submitTogether replicates commands in one entry and waits for their results.
func submitTogether(ctx context.Context, n Node, cs []task.Command, urgent bool) ([]task.Result, error) {
	type answer struct {
		results []task.Result
		err     error
	}
	done := make(chan answer, 1)
	submitSeen(ctx, n, cs, urgent, func(rs []task.Result, err error) { done <- answer{rs, err} })
	select {
	case a := <-done:
		return a.results, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// propose replicates one command and returns its result, or the refusal of the whole command as an error.
func propose(ctx context.Context, n Node, c task.Command, urgent bool) (task.Result, error) {
	rs, err := submitTogether(ctx, n, []task.Command{c}, urgent)
	if err != nil {
		return task.Result{}, err
	}
	return rs[0], rs[0].Code.Err()
}

// once makes a command idempotent by the caller's request ID, if it gave one.
func once(requestID string, c task.Command) task.Command {
	if requestID == "" {
		return c
	}
	return &task.Request{ID: requestID, Command: c}
}
