package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Exit codes of rowlock, see DESIGN or `rowlock --help`.
const (
	failed      = 1
	notFound    = 3
	refused     = 4
	unavailable = 5
)

// operate runs a command that may find no leader, or be refused, and must not fail otherwise.
func (r *run) operate(args ...string) error {
	return r.operateOr([]int{notFound, refused, unavailable}, args...)
}

// operateOr runs a command whose exit code must be 0 or one of those.
func (r *run) operateOr(codes []int, args ...string) error {
	a, err := r.group.command(r.ctx, 0, args...)
	if err != nil {
		return err
	}
	r.say("%s: %d %s", strings.Join(args, " "), a.code, a.short())
	if a.code != 0 && !slices.Contains(codes, a.code) {
		return fmt.Errorf("rowlock %s: exit code %d: %s%s", strings.Join(args, " "), a.code, a.stdout, a.stderr)
	}
	return nil
}

// vacuum compacts all members' files, one after the other.
func (r *run) vacuum(random *rand.Rand) error {
	t := newTrouble(random)
	r.say("vacuum %s", t)
	return r.during(t, func() error {
		return r.operateOr([]int{failed, refused, unavailable}, "vacuum", "--all")
	})
}

// checkMembers has all members check their states while they work.
func (r *run) checkMembers(*rand.Rand) error {
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	return r.operateOr([]int{unavailable}, "check")
}

// retryDeadLetters gives dead letters another chance.
func (r *run) retryDeadLetters(*rand.Rand) error {
	return r.operate("dlq", "retry", "--queue", mixQueue, "--yes", "--no-wait")
}

// changeLimit lets more or fewer tasks of the mix run.
func (r *run) changeLimit(random *rand.Rand) error {
	return r.operate("queue", "set", mixQueue, "--max-running", strconv.Itoa(1+3*random.IntN(4)))
}

// pauseQueue pauses a queue for a moment.
func (r *run) pauseQueue(random *rand.Rand) error {
	queue := []string{plainQueue, streamQueue, mixQueue}[random.IntN(3)]
	if err := r.operate("queue", "pause", queue); err != nil {
		return err
	}
	pause(r.ctx, upTo(random, time.Second))
	return until(r.ctx, startTime, func(ctx context.Context) bool {
		a, err := r.group.command(ctx, 0, "queue", "resume", queue)
		return err == nil && a.code == 0
	})
}

// resetStuck takes tasks from workers that have shown no progress for a second.
func (r *run) resetStuck(*rand.Rand) error {
	return r.operate("stuck", "reset", "--older-than", "1s", "--yes")
}

// auditNow looks at what was acknowledged last.
func (r *run) auditNow(*rand.Rand) error {
	q, err := r.client.Queues().Get(r.ctx, limitedQueue)
	if err != nil {
		return err
	}
	if q.Running > limitedRunning {
		return fmt.Errorf("%d tasks of queue %s run, and its limit is %d", q.Running, limitedQueue, limitedRunning)
	}
	return r.audit(r.ctx, false)
}
