package rpc

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// setQuotas checks and converts the bounds of a queue, and where its dead letters go.
func setQuotas(cmd *task.SetQueue, in *pb.QueueSettings) error {
	out := &cmd.Settings
	out.MaxTasks, out.MaxBytes, out.DeadLetterQueue = in.GetMaxTasks(), in.GetMaxBytes(), in.GetDeadLetterQueue()
	if out.DeadLetterQueue == "" {
		return nil
	}
	if err := checkQueue("settings.", "dead_letter_queue", out.DeadLetterQueue); err != nil {
		return err
	}
	if out.DeadLetterQueue == cmd.Queue {
		return invalid("settings.dead_letter_queue must be another queue: leave it empty for dead letters to stay in %q", cmd.Queue)
	}
	return nil
}

// setDebounce checks what debouncing needs.
func setDebounce(out *task.NewTask, t *pb.NewTask) (err error) {
	out.UniqueMode = task.UniqueDebounce
	if out.MaxWait, err = microseconds("", "debounce_max_seconds", t.GetDebounceMaxSeconds()); err != nil {
		return err
	}
	switch {
	case out.Delay == 0:
		return invalid("delay_seconds is required with unique_mode debounce: how long it must have been quiet")
	case out.UniqueWindow != 0:
		return invalid("unique_window_seconds doesn't go with unique_mode debounce: the key is the task's until it runs")
	case out.MaxWait != 0 && out.MaxWait < out.Delay:
		return invalid("debounce_max_seconds must not be below delay_seconds")
	}
	return nil
}

// fullQueues words the refusals of a call's tasks, once for each queue.
type fullQueues struct {
	node   Node
	worded map[string]*pb.Status
}

// refusal is the refusal of a task, with how full its queue is now.
func (f *fullQueues) refusal(name string) *pb.Status {
	if s := f.worded[name]; s != nil {
		return s
	}
	if f.worded == nil {
		f.worded = map[string]*pb.Status{}
	}
	var q task.Queue
	f.node.Machine(func(m *task.Machine) { q, _ = m.Queue(name) })
	f.worded[name] = partStatus(queueFull(&q))
	return f.worded[name]
}

func queueFull(q *task.Queue) error {
	var fill []string
	if most := q.Settings.MaxTasks; most > 0 {
		fill = append(fill, fmt.Sprintf("%d of at most %d tasks (max_tasks)", liveTasks(q), most))
	}
	if most := q.Settings.MaxBytes; most > 0 {
		fill = append(fill, fmt.Sprintf("%d of at most %d bytes of payloads (max_bytes)", q.Bytes, most))
	}
	return &fault{codes.ResourceExhausted, "queue_full", fmt.Sprintf("queue %q is full: it has %s", q.Name, strings.Join(fill, " and "))}
}

// liveTasks is how many tasks count for a queue's max_tasks.
func liveTasks(q *task.Queue) uint64 {
	return q.Live[task.Scheduled] + q.Live[task.Blocked] + q.Live[task.Pending] + q.Live[task.Running]
}
