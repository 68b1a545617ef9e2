package rpc

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// defaultPriority is the priority of a task that names none.
const defaultPriority = 5

// newTasks checks and converts the tasks of an Enqueue call. One bad task refuses the whole call: nothing is half done.
// What it returns shares the request's strings and payloads.
func (l Limits) newTasks(in []*pb.NewTask) ([]task.NewTask, error) {
	if len(in) == 0 {
		return nil, invalid("tasks is required: at least one task")
	}
	if len(in) > l.BatchTasks {
		return nil, invalid("tasks has %d tasks, but may have at most %d", len(in), l.BatchTasks)
	}
	out := newList(len(in))
	size := 0
	for i, t := range in {
		if err := l.newTask(&out[i], t); err != nil {
			return nil, inTask(err, i, len(in))
		}
		size += sizeOf(&out[i]) - newTaskOverhead
	}
	if size > l.BatchBytes {
		return nil, invalid("tasks has %d bytes, but may have at most %d in one call", size, l.BatchBytes)
	}
	return out, nil
}

// inTask names the task of the batch that an error is about, if there are several.
func inTask(err error, i, n int) error {
	if n == 1 {
		return err
	}
	return invalid("tasks[%d].%v", i, err)
}

func (l Limits) newTask(out *task.NewTask, t *pb.NewTask) error {
	if err := l.newTaskAlone(out, t); err != nil {
		return err
	}
	return setKin(out, t, nil)
}

// newTaskAlone checks and converts all but the dependencies on other tasks.
func (l Limits) newTaskAlone(out *task.NewTask, t *pb.NewTask) error {
	if t == nil {
		return invalid("queue is required: the queue's name")
	}
	if !validQueue(t.GetQueue()) {
		return checkQueue("", "queue", t.GetQueue())
	}
	out.Queue, out.Kind = t.GetQueue(), t.GetKind()
	if err := l.payload(out, t); err != nil {
		return err
	}
	out.Priority = defaultPriority
	if t.Priority != nil {
		if err := checkPriority("", t.GetPriority()); err != nil {
			return err
		}
		out.Priority = uint8(t.GetPriority())
	}
	if err := setTimes(out, t); err != nil {
		return err
	}
	if err := setLimits(out, t); err != nil {
		return err
	}
	if err := setUnique(out, t); err != nil {
		return err
	}
	return setNotes(out, t)
}

// payload takes the bytes as they are, or the JSON value in its shortest form.
func (l Limits) payload(out *task.NewTask, t *pb.NewTask) error {
	out.Payload = t.GetPayload()
	if v := t.GetPayloadJson(); v != nil {
		if len(out.Payload) > 0 {
			return invalid("payload and payload_json are both given: give one")
		}
		var err error
		if out.Payload, err = jsonPayload(v); err != nil {
			return err
		}
	}
	if len(out.Payload) > l.PayloadBytes {
		return invalid("payload has %d bytes, but may have at most %d", len(out.Payload), l.PayloadBytes)
	}
	return nil
}

// jsonPayload encodes a value in the same way every time.
func jsonPayload(v *structpb.Value) ([]byte, error) {
	if !isJSON(v) {
		return nil, invalid("payload_json is no JSON value")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v.AsInterface()); err != nil {
		return nil, invalid("payload_json is no JSON value: %v", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// isJSON reports whether JSON can express a value: there are no values without a kind, and no infinite numbers.
func isJSON(v *structpb.Value) bool {
	switch k := v.GetKind().(type) {
	case nil:
		return false
	case *structpb.Value_NumberValue:
		return !math.IsNaN(k.NumberValue) && !math.IsInf(k.NumberValue, 0)
	case *structpb.Value_ListValue:
		for _, e := range k.ListValue.GetValues() {
			if !isJSON(e) {
				return false
			}
		}
	case *structpb.Value_StructValue:
		for _, e := range k.StructValue.GetFields() {
			if !isJSON(e) {
				return false
			}
		}
	}
	return true
}

func setTimes(out *task.NewTask, t *pb.NewTask) (err error) {
	if t.GetDelaySeconds() != 0 && t.GetRunAt() != nil {
		return invalid("delay_seconds and run_at are both given: give one")
	}
	if out.Delay, err = microseconds("", "delay_seconds", t.GetDelaySeconds()); err != nil {
		return err
	}
	if out.RunAt, err = moment("", "run_at", t.GetRunAt()); err != nil {
		return err
	}
	if out.Timeout, err = microseconds("", "timeout_seconds", t.GetTimeoutSeconds()); err != nil {
		return err
	}
	out.TTL, err = microseconds("", "ttl_seconds", t.GetTtlSeconds())
	return err
}

func setLimits(out *task.NewTask, t *pb.NewTask) (err error) {
	if out.MaxAttempts, err = attempts("max_attempts", t.GetMaxAttempts()); err != nil {
		return err
	}
	if out.MaxWorkerDeaths, err = deaths("max_worker_deaths", t.GetMaxWorkerDeaths()); err != nil {
		return err
	}
	out.Backoff, err = backoff("", t.GetBackoff())
	return err
}

func attempts(field string, n uint32) (uint16, error) {
	if n > 10_000 {
		return 0, invalid("%s must be at most 10000, not %d", field, n)
	}
	return uint16(n), nil
}

func deaths(field string, n uint32) (uint8, error) {
	if n > 100 {
		return 0, invalid("%s must be at most 100, not %d", field, n)
	}
	return uint8(n), nil
}

func setUnique(out *task.NewTask, t *pb.NewTask) (err error) {
	if err := checkLength("", "unique_key", t.GetUniqueKey(), maxUniqueKey); err != nil {
		return err
	}
	out.UniqueKey = t.GetUniqueKey()
	if out.UniqueWindow, err = microseconds("", "unique_window_seconds", t.GetUniqueWindowSeconds()); err != nil {
		return err
	}
	switch t.GetUniqueMode() {
	case pb.UniqueMode_unique_default, pb.UniqueMode_reject:
		out.UniqueMode = task.UniqueReject
	case pb.UniqueMode_return:
		out.UniqueMode = task.UniqueReturn
	case pb.UniqueMode_replace:
		out.UniqueMode = task.UniqueReplace
	case pb.UniqueMode_debounce:
		if err := setDebounce(out, t); err != nil {
			return err
		}
	default:
		return invalid("unique_mode %d is unknown: reject, return, replace or debounce", int32(t.GetUniqueMode()))
	}
	if out.UniqueMode != task.UniqueDebounce && t.GetDebounceMaxSeconds() != 0 {
		return invalid("debounce_max_seconds is for unique_mode debounce")
	}
	if out.UniqueKey == "" && (out.UniqueWindow != 0 || t.GetUniqueMode() != pb.UniqueMode_unique_default) {
		return invalid("unique_key is required with unique_mode or unique_window_seconds")
	}
	return nil
}

func setNotes(out *task.NewTask, t *pb.NewTask) (err error) {
	if err := checkLength("", "kind", t.GetKind(), maxKind); err != nil {
		return err
	}
	if err := checkLength("", "fair_key", t.GetFairKey(), maxFairKey); err != nil {
		return err
	}
	if err := checkLength("", "trace_context", t.GetTraceContext(), maxTraceContext); err != nil {
		return err
	}
	if err := checkLength("", "singleton_key", t.GetSingletonKey(), maxSingletonKey); err != nil {
		return err
	}
	if err := checkLength("", "sticky_key", t.GetStickyKey(), maxStickyKey); err != nil {
		return err
	}
	out.FairKey, out.TraceContext = t.GetFairKey(), t.GetTraceContext()
	out.SingletonKey, out.StickyKey = t.GetSingletonKey(), t.GetStickyKey()
	if out.Require, err = labels("require", t.GetRequire()); err != nil {
		return err
	}
	if out.Labels, err = labels("labels", t.GetLabels()); err != nil {
		return err
	}
	if t.GetBatchId() != "" {
		out.Batch, err = batchID("batch_id", t.GetBatchId())
	}
	return err
}

func sortLabels(list []task.Label) {
	slices.SortFunc(list, func(a, b task.Label) int { return strings.Compare(a.Key, b.Key) })
}

// sizeOf is about how many bytes a task takes in an entry of the log.
func sizeOf(t *task.NewTask) int {
	n := newTaskOverhead + len(t.Payload) + len(t.Queue) + len(t.Kind) + len(t.UniqueKey) + len(t.FairKey) +
		len(t.TraceContext) + 8*(len(t.DependsOn)+len(t.Edges)+len(t.Backoff.Delays))
	for _, list := range [][]task.Label{t.Labels, t.Require} {
		for i := range list {
			n += len(list[i].Key) + len(list[i].Value)
		}
	}
	return n + len(t.SingletonKey) + len(t.StickyKey)
}

// partBytes and partTasks bound a part of an Enqueue call. Both are part of what makes a repeated call idempotent: a
// call must be cut in the same way by every version of the program that may see it again.
const (
	partBytes = 256 << 10
	partTasks = 2000
)

// nextPart returns how many of the tasks make the next part. It depends on the tasks alone.
func nextPart(tasks []task.NewTask) int {
	size := 0
	for i := range tasks {
		size += sizeOf(&tasks[i])
		if i == partTasks || (i > 0 && size > partBytes) {
			return i
		}
	}
	return len(tasks)
}

// requestPart is the ID under which a part of a call with a request_id is remembered: the ID itself for the first.
func requestPart(id string, part int) string {
	if id == "" || part == 0 {
		return id
	}
	suffix := "#" + strconv.Itoa(part)
	if len(id)+len(suffix) > maxRequestID {
		id = digest(id)
	}
	return id + suffix
}
