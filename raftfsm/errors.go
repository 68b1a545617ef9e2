package raftfsm

import (
	"errors"
	"fmt"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

var (
	// ErrUnknownOutcome means that leadership or the node was lost while the command was in the log: it may have been,
	// or may yet be, executed. Repeat it only if it is idempotent.
	ErrUnknownOutcome = errors.New("the outcome is unknown: leadership was lost while the command was being replicated")
	// ErrOverloaded means that too much is waiting to be replicated. Nothing was proposed; try again soon.
	ErrOverloaded = errors.New("too many commands are waiting to be replicated")
	// ErrTooLarge refuses commands that don't fit into one entry of the log.
	ErrTooLarge = errors.New("too large for one entry of the log")
	// ErrNoSpace refuses new tasks while the disk is nearly full. Nothing was proposed.
	ErrNoSpace = store.ErrNoSpace
	// ErrStopped means that the node is stopping or has stopped. Nothing was proposed.
	ErrStopped = errors.New("the node is stopping")
	// ErrUnknownSession refuses to renew a worker session that is closed, expired or about to be.
	ErrUnknownSession = errors.New("unknown or expired worker session")
	// ErrForeignCluster is a connection between members of different clusters.
	ErrForeignCluster = errors.New("the other side belongs to another cluster")
	// ErrOtherNode is a data directory that was made by a node of another name or cluster.
	ErrOtherNode = errors.New("the data directory belongs to another node")
	// ErrTooOld refuses a member whose version doesn't support the group's feature level. A member that meets a state or an
	// entry that it doesn't support ends with task.ErrNewerLevel.
	ErrTooOld = errors.New("this version is too old for the group")
	// ErrLevel refuses what some member of the group may not support yet. Nothing was proposed; it is possible once all run a
	// version that does.
	ErrLevel = errors.New("some member runs, or may run, a version that doesn't support this yet: see 'rowlock cluster members'")
	// ErrDiverged ends Run, and refuses the data directory from then on: the state differs from the one that a strict
	// majority of the voters has. The directory's contents must go; the member then comes back as a new one.
	ErrDiverged = errors.New("this member's state differs from the one that the majority has")
	// ErrUnfinished refuses a data directory into which a restore hasn't come to its end.
	ErrUnfinished = errors.New("the restore is unfinished")
	// ErrBadBackup refuses a backup that is damaged, or isn't the one that its manifest promises. Nothing was changed.
	ErrBadBackup = errors.New("the backup can't be restored")
	// ErrNoImage ends Run: the log says that a restored state takes the place of this one, and this member doesn't have it. The
	// data directory's contents must go; the member then comes back as a new one.
	ErrNoImage = errors.New("this member doesn't have the restored state that the log asks for")
	// ErrRestored means that a restore has taken the place of the state that a command was proposed for: it was not and will not be
	// executed. What the command names may be something else by now.
	ErrRestored = task.ErrRestored
	// ErrRestart ends Run: the state is sound, but raft's memory of the log can only be put right by a restart.
	ErrRestart = errors.New("the process must be restarted")
)

// NotLeaderError means that this member can't answer because it doesn't lead, or not yet. Nothing was proposed.
type NotLeaderError struct {
	// Leader is the leader's Raft address, LeaderID its server ID; both empty where nobody is known to lead.
	Leader, LeaderID string
}

// Error names the leader if it is known.
func (e *NotLeaderError) Error() string {
	if e.Leader == "" {
		return "this node doesn't lead, and no leader is known yet"
	}
	return fmt.Sprintf("this node doesn't lead; the leader is %s at %s", e.LeaderID, e.Leader)
}

// fatalError is what ends Run.
type fatalError struct {
	what string
	err  error
}

func (e *fatalError) Error() string { return e.what + ": " + e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }
