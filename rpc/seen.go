package rpc

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

// A call that changes something looks at the state first, or its caller has. A restore meanwhile makes it a call about another
// state, so each unary call is of the timeline that it began in.

type timelineKey struct{}

// beginCall notes in which timeline a call begins: before it looks at anything.
func beginCall(ctx context.Context, timeline uint64) context.Context {
	return context.WithValue(ctx, timelineKey{}, timeline)
}

// submitSeen replicates commands of a call; those of a stream, which outlives restores, are of the timeline in which they are proposed.
func submitSeen(ctx context.Context, n Node, cs []task.Command, urgent bool, done func([]task.Result, error)) {
	if timeline, ok := ctx.Value(timelineKey{}).(uint64); ok {
		n.SubmitSeen(timeline, cs, urgent, done)
		return
	}
	n.Submit(cs, urgent, done)
}

// onceMore lets a caller make a call again that a restore came before, if it names nothing of the state and can be told from
// another: the tasks that are to be enqueued are wanted in the restored state as well, once. Whatever else was called may not be wanted
// any more, as a purge isn't that the restore undoes.
func onceMore(err error, idempotent bool) error {
	if idempotent && errors.Is(err, raftfsm.ErrRestored) {
		return &fault{codes.Aborted, reasonRestored, err.Error()}
	}
	return err
}

// errResumeWork ends a worker's stream behind a restore: it comes back with a new session.
var errResumeWork = unavailable(reasonRestored, "the state of the cluster was restored: the worker's session is over")
