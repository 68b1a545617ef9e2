package filter

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/rowlock/rowlock/task"
)

// field is a variable of the expressions. A task that lacks it has get return nil: the filter is false for it, unless the
// rest of the expression decides.
type field struct {
	kind *cel.Type
	get  func(s *subject) any
}

// fields are all variables by their names, which are those of the API's task where it has one.
var fields = map[string]field{
	"id":            {cel.StringType, func(s *subject) any { return s.task.ID.String() }},
	"queue":         {cel.StringType, func(s *subject) any { return s.task.Queue }},
	"kind":          {cel.StringType, func(s *subject) any { return s.task.Kind }},
	"state":         {cel.StringType, func(s *subject) any { return s.task.State.String() }},
	"reason":        {cel.StringType, func(s *subject) any { return s.task.Reason.String() }},
	"priority":      {cel.IntType, func(s *subject) any { return int64(s.task.Priority) }},
	"attempt":       {cel.IntType, func(s *subject) any { return int64(s.task.Attempt) }},
	"max_attempts":  {cel.IntType, func(s *subject) any { return int64(s.task.MaxAttempts) }},
	"retry_count":   {cel.IntType, func(s *subject) any { return int64(s.task.Failures) }},
	"worker_deaths": {cel.IntType, func(s *subject) any { return int64(s.task.WorkerDeaths) }},
	"worker_id":     {cel.StringType, func(s *subject) any { return s.task.Worker }},
	"error":         {cel.StringType, func(s *subject) any { return LastError(s.task) }},
	"fingerprint":   {cel.StringType, func(s *subject) any { return Fingerprint(s.task).String() }},
	"labels":        {cel.MapType(cel.StringType, cel.StringType), (*subject).labels},
	"fair_key":      {cel.StringType, func(s *subject) any { return s.task.FairKey }},
	"unique_key":    {cel.StringType, func(s *subject) any { return s.task.UniqueKey }},
	"singleton_key": {cel.StringType, func(s *subject) any { return s.task.SingletonKey }},
	"sticky_key":    {cel.StringType, func(s *subject) any { return s.task.StickyKey }},
	"batch_id":      {cel.StringType, func(s *subject) any { return idOf(s.task.Batch) }},
	"workflow_id":   {cel.StringType, func(s *subject) any { return idOf(s.task.Workflow) }},
	"schedule":      {cel.StringType, func(s *subject) any { return s.task.Schedule }},
	"origin_queue":  {cel.StringType, func(s *subject) any { return s.task.OriginQueue }},
	"age":           {cel.DurationType, func(s *subject) any { return s.since(s.task.EnqueuedAt) }},
	"idle":          {cel.DurationType, (*subject).idle},
	"finished_age":  {cel.DurationType, func(s *subject) any { return s.since(s.task.FinishedAt) }},
	"enqueued_at":   {cel.TimestampType, func(s *subject) any { return moment(s.task.EnqueuedAt) }},
	"started_at":    {cel.TimestampType, func(s *subject) any { return moment(s.task.StartedAt) }},
	"finished_at":   {cel.TimestampType, func(s *subject) any { return moment(s.task.FinishedAt) }},
	"run_at":        {cel.TimestampType, func(s *subject) any { return moment(s.task.RunAt) }},
	payloadField:    {cel.DynType, (*subject).payload},
	"payload_bytes": {cel.IntType, func(s *subject) any { return int64(s.task.PayloadLen) }},
}

const payloadField = "payload"

// Fields are the names that an expression may use, in alphabetical order.
func Fields() []string { return slices.Sorted(maps.Keys(fields)) }

// subject is the task that an expression is evaluated for. What is costly is made when it is asked for.
type subject struct {
	task *task.Task
	now  task.Time
}

// ResolveName implements interpreter.Activation.
func (s *subject) ResolveName(name string) (any, bool) {
	f, ok := fields[name]
	if !ok {
		return nil, false
	}
	v := f.get(s)
	return v, v != nil
}

// Parent implements interpreter.Activation.
func (s *subject) Parent() interpreter.Activation { return nil }

func (s *subject) labels() any {
	m := make(map[string]string, len(s.task.Labels))
	for _, l := range s.task.Labels {
		m[l.Key] = l.Value
	}
	return m
}

// idOf is an ID as the API shows it; "" for none.
func idOf(id task.ID) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

// since is for how long something has been so; nil if it never was.
func (s *subject) since(at task.Time) any {
	if at == 0 {
		return nil
	}
	return types.Duration{Duration: time.Duration(max(s.now-at, 0)) * time.Microsecond}
}

// idle is for how long a running task has shown no sign of progress.
func (s *subject) idle() any {
	if s.task.State != task.Running {
		return nil
	}
	return s.since(max(s.task.StartedAt, s.task.Progress.At))
}

func moment(at task.Time) any {
	if at == 0 {
		return nil
	}
	return types.Timestamp{Time: time.UnixMicro(at).UTC()}
}

// payload is what the payload says if it is JSON.
func (s *subject) payload() any {
	var v any
	if json.Unmarshal(s.task.Payload, &v) != nil {
		return nil
	}
	return v
}

// LastError is the text of a task's last failed attempt; "": none has failed.
func LastError(t *task.Task) string {
	if n := len(t.Errors); n > 0 {
		return t.Errors[n-1].Message
	}
	return ""
}

// fieldList is what a person who misspelt a field wants to see.
func fieldList() string { return strings.Join(Fields(), ", ") }
