package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// NewRecord renders a task for a line of a file: as NewTask, with payload and result in base64 wherever their bytes would not be the
// same again when they are read.
func NewRecord(t *rowlockv1.Task) Task {
	r := NewTask(t)
	r.Payload, r.PayloadBase64 = exact(t.GetPayload())
	r.Result, r.ResultBase64 = exact(t.GetResult())
	return r
}

// exact returns JSON that is written without a space too much as it is, and other bytes as such.
func exact(b Bytes) (json.RawMessage, []byte) {
	var compact bytes.Buffer
	if text := b.asJSON(); text != nil && json.Compact(&compact, text) == nil && bytes.Equal(compact.Bytes(), b) {
		return text, nil
	}
	return nil, b
}

// Proto is the API's task of a line. It says which field is wrong.
func (t Task) Proto() (*rowlockv1.Task, error) {
	state, known := rowlockv1.Task_State_value[t.State]
	if !known || state == 0 {
		return nil, fmt.Errorf("state %q: want scheduled, blocked, pending, running, completed, cancelled or dead_letter", t.State)
	}
	p := &rowlockv1.Task{
		Id: t.ID, Queue: t.Queue, Kind: t.Kind, State: rowlockv1.Task_State(state), Reason: t.Reason, Priority: t.Priority,
		Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, RetryCount: t.RetryCount, WorkerDeaths: t.WorkerDeaths,
		MaxWorkerDeaths: t.MaxWorkerDeaths, WorkerId: t.WorkerID, EnqueuedAt: stampOf(t.EnqueuedAt), RunAt: stampOf(t.RunAt),
		StartedAt: stampOf(t.StartedAt), FinishedAt: stampOf(t.FinishedAt), ExpiresAt: stampOf(t.ExpiresAt),
		TimeoutSeconds: t.TimeoutSeconds,
		UniqueKey:      t.UniqueKey, UniqueWindowSeconds: t.UniqueWindowSeconds, FairKey: t.FairKey, SingletonKey: t.SingletonKey,
		StickyKey: t.StickyKey, Require: t.Require, Labels: t.Labels, TraceContext: t.TraceContext, DependsOn: t.DependsOn,
		RetryOf: t.RetryOf, OriginQueue: t.OriginQueue, WorkflowId: t.WorkflowID, BatchId: t.BatchID, Schedule: t.Schedule,
	}
	if t.PayloadBytes > 0 && len(t.Payload) == 0 && len(t.PayloadBase64) == 0 {
		return nil, fmt.Errorf("payload is missing: payload_bytes says that the task has one of %d bytes", t.PayloadBytes)
	}
	p.PayloadBytes = 0 // whoever edits a payload needn't count
	var err error
	if p.Payload, err = oneOf("payload", t.Payload, t.PayloadBase64); err != nil {
		return nil, err
	}
	if p.Result, err = oneOf("result", t.Result, t.ResultBase64); err != nil {
		return nil, err
	}
	if b := t.Backoff; b != nil {
		p.Backoff = &rowlockv1.Backoff{
			InitialSeconds: b.InitialSeconds, MaximumSeconds: b.MaximumSeconds, Multiplier: b.Multiplier, DelaysSeconds: b.DelaysSeconds,
		}
	}
	for _, e := range t.Errors {
		p.Errors = append(p.Errors, &rowlockv1.TaskError{
			At: stampOf(e.At), Attempt: e.Attempt, Cause: e.Cause, Message: e.Message, WorkerId: e.WorkerID,
		})
	}
	return p, t.setKin(p)
}

func (t Task) setKin(p *rowlockv1.Task) error {
	for i, d := range t.Dependencies {
		when, known := rowlockv1.Dependency_When_value[d.When]
		if !known {
			return fmt.Errorf("dependencies[%d].when %q: want success, failure or any", i, d.When)
		}
		p.Dependencies = append(p.Dependencies, &rowlockv1.Dependency{TaskId: d.TaskID, When: rowlockv1.Dependency_When(when)})
	}
	policy, known := rowlockv1.ParentFailure_value[t.OnParentFailure]
	if t.OnParentFailure != "" && !known {
		return fmt.Errorf("on_parent_failure %q: want dead_letter or cancel", t.OnParentFailure)
	}
	p.OnParentFailure = rowlockv1.ParentFailure(policy)
	return nil
}

func oneOf(field string, text json.RawMessage, raw []byte) ([]byte, error) {
	if len(text) > 0 && len(raw) > 0 {
		return nil, errors.New(field + " and " + field + "_base64 exclude each other")
	}
	if len(text) > 0 {
		return text, nil
	}
	return raw, nil
}

// stampOf is the API's time; nil where it isn't set.
func stampOf(t *time.Time) *timestamppb.Timestamp {
	if t == nil || t.IsZero() {
		return nil
	}
	return timestamppb.New(*t)
}
