package rpc

import (
	"fmt"
	"slices"
	"strings"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// pending finds what keeps a task that is ready from being leased: its queue, limits, its workers, or the tasks before it.
func (v explainer) pending(t *task.Task) []*pb.Reason {
	held := v.held(t)
	fitting, none := v.workers(t)
	if none != nil {
		return append(held, none)
	}
	place, ok := v.Position(t.ID, maxPosition)
	turn := ok && (place.Ahead > 0 || place.Keys > 1 && len(held) == 0)
	out := held
	if turn {
		out = append(out, v.turn(t, place))
	}
	if len(held) > 0 {
		return out
	}
	busy := fmt.Sprintf("is next in queue %s and waits because its workers (%d) have no room for more", t.Queue, fitting)
	if turn {
		busy = fmt.Sprintf("waits because the workers of queue %s (%d) have no room for more", t.Queue, fitting)
	}
	return append(out, &pb.Reason{Code: "workers_busy", Message: busy})
}

// held says what holds a task back whichever workers there are.
func (v explainer) held(t *task.Task) (out []*pb.Reason) {
	h := v.Hold(t.ID)
	q, _ := v.Queue(t.Queue)
	add := func(code string, until task.Time, format string, args ...any) {
		out = append(out, &pb.Reason{Code: code, Message: fmt.Sprintf(format, args...), Until: timestamp(until)})
	}
	if h.Paused {
		add("queue_paused", 0, "waits because queue %s is paused", t.Queue)
	}
	if h.Running > 0 {
		add("queue_limit", 0, "waits because no more than %s of queue %s may run at a time (max_running)", countOf(h.Running, "task"), t.Queue)
	}
	if h.RateUntil > 0 {
		add("queue_rate", h.RateUntil, "waits because queue %s starts no more than %s (rate); the next may start at %s", t.Queue, rateText(q.Settings.Rate), clock(h.RateUntil))
	}
	if h.KeyRunning > 0 {
		add("key_limit", 0, "waits because no more than %s with the fair key %q may run at a time (key_max_running)", countOf(h.KeyRunning, "task"), t.FairKey)
	}
	if h.KeyRateUntil > 0 {
		add("key_rate", h.KeyRateUntil, "waits because no more than %s with the fair key %q start (key_rate); the next may at %s", rateText(q.Settings.KeyRate), t.FairKey, clock(h.KeyRateUntil))
	}
	if h.Singleton != 0 {
		add("singleton", 0, "waits because task %s, which has the singleton key %q too, runs", h.Singleton, t.SingletonKey)
	}
	if h.ReservedUntil != 0 {
		add("reserved", h.ReservedUntil, "waits for worker %s, which ran the last task with its sticky key, until %s", h.ReservedFor, clock(h.ReservedUntil))
	}
	return out
}

func rateText(r task.Rate) string {
	return fmt.Sprintf("%s in %g s", countOf(r.Tasks, "task"), seconds(r.Per))
}

// countOf writes a number of things: 1 task, 2 tasks.
func countOf[N int | uint32 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// noneOf says that of so many none does something: "the one worker of queue q doesn't take" or "none of the 3 workers of queue q takes".
func noneOf(n int, of, does, doesnt string) string {
	if n == 1 {
		return fmt.Sprintf("the one worker %s %s", of, doesnt)
	}
	return fmt.Sprintf("none of the %d workers %s %s", n, of, does)
}

// workers counts the connected workers that could run a task, or says why none can.
func (v explainer) workers(t *task.Task) (fitting int, none *pb.Reason) {
	serving, kind := 0, 0
	for _, s := range v.Sessions() {
		if !serves(&s, t.Queue) {
			continue
		}
		serving++
		if !takesKind(&s, t.Kind) {
			continue
		}
		kind++
		if s.Satisfies(t.Require) {
			fitting++
		}
	}
	switch {
	case serving == 0:
		return 0, &pb.Reason{Code: "no_worker", Message: fmt.Sprintf("waits because no worker is connected that serves queue %s", t.Queue)}
	case kind == 0:
		return 0, &pb.Reason{Code: "no_worker_for_kind", Message: fmt.Sprintf("waits because %s the kind %q; it is kept until one does",
			noneOf(serving, "of queue "+t.Queue, "takes", "doesn't take"), t.Kind)}
	case fitting == 0:
		var labels []string
		for _, l := range t.Require {
			labels = append(labels, l.Key+"="+l.Value)
		}
		slices.Sort(labels)
		return 0, &pb.Reason{Code: "no_capable_worker", Message: fmt.Sprintf("waits because %s the labels that it requires (%s); it is kept until one does",
			noneOf(kind, "of queue "+t.Queue+" for its kind", "has", "doesn't have"), strings.Join(labels, ", "))}
	}
	return fitting, nil
}

// turn says which tasks are before one, and until about when.
func (v explainer) turn(t *task.Task, place task.Place) *pb.Reason {
	ahead := uint64(place.Ahead)
	text := fmt.Sprintf("waits for its turn: %s before it in queue %s", countOf(ahead, "task"), t.Queue)
	switch {
	case place.Keys > 1:
		if q, ok := v.Queue(t.Queue); ok { // each key is served once a round
			ahead = min((ahead+1)*uint64(place.Keys)-1, q.Live[task.Pending]-1)
		}
		text = fmt.Sprintf("waits for its turn: %s of its fair key before it, and %d keys take turns in queue %s", countOf(place.Ahead, "task"), place.Keys, t.Queue)
	case place.Ahead == maxPosition:
		text = fmt.Sprintf("waits for its turn: %d tasks or more are before it in queue %s", ahead, t.Queue)
	}
	r := &pb.Reason{Code: "waits_for_turn", Position: ahead}
	if d := v.Pace(t.Queue).For(ahead); d > 0 && ahead > 0 {
		r.Until = timestamp(v.Now() + d)
		text += fmt.Sprintf("; at the pace of the last minutes it would start at about %s", clock(v.Now()+d))
	}
	r.Message = text
	return r
}
