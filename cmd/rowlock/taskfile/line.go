package taskfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// line is one task as it stands in the file.
type line struct {
	Queue               string            `json:"queue"`
	Kind                string            `json:"kind"`
	Payload             json.RawMessage   `json:"payload"`
	PayloadBase64       []byte            `json:"payload_base64"`
	Priority            *uint32           `json:"priority"`
	DelaySeconds        float64           `json:"delay_seconds"`
	RunAt               *time.Time        `json:"run_at"`
	MaxAttempts         uint32            `json:"max_attempts"`
	MaxWorkerDeaths     uint32            `json:"max_worker_deaths"`
	TimeoutSeconds      float64           `json:"timeout_seconds"`
	TTLSeconds          float64           `json:"ttl_seconds"`
	UniqueKey           string            `json:"unique_key"`
	UniqueMode          string            `json:"unique_mode"`
	UniqueWindowSeconds float64           `json:"unique_window_seconds"`
	DebounceMaxSeconds  float64           `json:"debounce_max_seconds"`
	FairKey             string            `json:"fair_key"`
	SingletonKey        string            `json:"singleton_key"`
	StickyKey           string            `json:"sticky_key"`
	Require             map[string]string `json:"require"`
	Labels              map[string]string `json:"labels"`
	TraceContext        string            `json:"trace_context"`
	Backoff             *backoff          `json:"backoff"`
	DependsOn           []string          `json:"depends_on"`
	Ref                 string            `json:"ref"`
	Dependencies        []dependency      `json:"dependencies"`
	OnParentFailure     string            `json:"on_parent_failure"`
	BatchID             string            `json:"batch_id"`
}

type backoff struct {
	InitialSeconds float64   `json:"initial_seconds"`
	MaximumSeconds float64   `json:"maximum_seconds"`
	Multiplier     float64   `json:"multiplier"`
	DelaysSeconds  []float64 `json:"delays_seconds"`
}

// parse reads one line. A task that names no queue goes to defaultQueue.
func parse(text []byte, defaultQueue string) (*rowlockv1.NewTask, error) {
	var l line
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return nil, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the object")
	}
	if l.Queue == "" {
		l.Queue = defaultQueue
	}
	return l.task()
}

// Parse reads one task that stands alone.
func Parse(text []byte) (*rowlockv1.NewTask, error) { return parse(text, "") }

// jsonError says in the words of the file what encoding/json says in Go's.
func jsonError(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("not a whole JSON object: the line is cut off")
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("want a JSON object, got %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s can't be a %s", kind.Field, kind.Value)
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(text, "unknown field "); ok {
		return unknownField(name)
	}
	if strings.HasPrefix(text, "illegal base64") {
		return fmt.Errorf("payload_base64 isn't base64: %s", text)
	}
	return fmt.Errorf("not JSON: %s", text)
}

// flagFields are the fields of those flags of 'rowlock enqueue' whose names differ from them by more than a hyphen.
var flagFields = map[string]string{
	"delay": "delay_seconds", "at": "run_at", "timeout": "timeout_seconds", "ttl": "ttl_seconds",
	"unique_window": "unique_window_seconds", "debounce_max": "debounce_max_seconds", "label": "labels", "raw": "payload_base64", "batch": "batch_id",
	"backoff_initial":    `"backoff": {"initial_seconds": …}`,
	"backoff_maximum":    `"backoff": {"maximum_seconds": …}`,
	"backoff_multiplier": `"backoff": {"multiplier": …}`,
	"retry_delays":       `"backoff": {"delays_seconds": […]}`,
}

// unknownField names a field that isn't one, and the one that was meant if it is the name of a flag. quoted is as
// encoding/json quotes it.
func unknownField(quoted string) error {
	name := strings.ReplaceAll(strings.Trim(quoted, `"`), "-", "_")
	if field := flagFields[name]; field != "" {
		return fmt.Errorf("unknown field %s: use %s", quoted, field)
	}
	if `"`+name+`"` != quoted {
		return fmt.Errorf("unknown field %s: field names are written with _", quoted)
	}
	return fmt.Errorf("unknown field %s", quoted)
}

func (l *line) task() (*rowlockv1.NewTask, error) {
	t := &rowlockv1.NewTask{
		Queue: l.Queue, Kind: l.Kind, Payload: l.Payload, Priority: l.Priority, DelaySeconds: l.DelaySeconds,
		MaxAttempts: l.MaxAttempts, MaxWorkerDeaths: l.MaxWorkerDeaths, TimeoutSeconds: l.TimeoutSeconds, TtlSeconds: l.TTLSeconds,
		UniqueKey: l.UniqueKey, UniqueWindowSeconds: l.UniqueWindowSeconds, FairKey: l.FairKey, SingletonKey: l.SingletonKey, StickyKey: l.StickyKey, Require: l.Require, Labels: l.Labels,
		TraceContext: l.TraceContext, DependsOn: l.DependsOn, DebounceMaxSeconds: l.DebounceMaxSeconds,
		BatchId: l.BatchID,
	}
	if l.RunAt != nil {
		t.RunAt = timestamppb.New(*l.RunAt)
	}
	if b := l.Backoff; b != nil {
		t.Backoff = &rowlockv1.Backoff{InitialSeconds: b.InitialSeconds, MaximumSeconds: b.MaximumSeconds, Multiplier: b.Multiplier, DelaysSeconds: b.DelaysSeconds}
	}
	if l.PayloadBase64 != nil {
		if l.Payload != nil {
			return nil, errors.New("payload and payload_base64 exclude each other")
		}
		t.Payload = l.PayloadBase64
	}
	mode, err := UniqueMode(l.UniqueMode)
	if err != nil {
		return nil, fmt.Errorf("unique_mode %w", err)
	}
	t.UniqueMode = mode
	if err := l.setKin(t); err != nil {
		return nil, err
	}
	return t, Check(t)
}

// UniqueMode reads the name of a mode; "" is the default.
func UniqueMode(name string) (rowlockv1.UniqueMode, error) {
	if name == "" {
		return rowlockv1.UniqueMode_unique_default, nil
	}
	mode, ok := rowlockv1.UniqueMode_value[name]
	if !ok || mode == 0 {
		return 0, fmt.Errorf("%q: want reject, return, replace or debounce", name)
	}
	return rowlockv1.UniqueMode(mode), nil
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// QueueName reports whether a queue may have the name.
func QueueName(name string) bool { return queueName.MatchString(name) }

// maxPriority is the priority that is leased first.
const maxPriority = 9

// Check finds what the servers would refuse in a task whatever their state, so that a file is refused as a whole before
// any of it was accepted. The servers have the last word.
func Check(t *rowlockv1.NewTask) error {
	switch {
	case t.GetQueue() == "":
		return errors.New("no queue is given")
	case !queueName.MatchString(t.GetQueue()):
		return fmt.Errorf("queue %q: a name is up to 128 letters, digits, '.', '_' and '-', beginning with a letter or digit", t.GetQueue())
	case t.GetPriority() > maxPriority:
		return fmt.Errorf("priority %d: want 0 to %d", t.GetPriority(), maxPriority)
	case len(t.GetPayload()) > MaxPayloadBytes:
		return fmt.Errorf("a payload of %d bytes is over the bound of %d KiB: store it elsewhere and enqueue where it is", len(t.GetPayload()), MaxPayloadBytes>>10)
	case t.GetRunAt() != nil && t.GetDelaySeconds() != 0:
		return errors.New("a delay and a run time exclude each other")
	case t.GetUniqueKey() == "" && (t.GetUniqueMode() != 0 || t.GetUniqueWindowSeconds() != 0):
		return errors.New("a unique mode or window needs a unique key (--unique-key, unique_key)")
	case t.GetDebounceMaxSeconds() != 0 && t.GetUniqueMode() != rowlockv1.UniqueMode_debounce:
		return errors.New("a longest time of debouncing is for the unique mode debounce")
	case t.GetUniqueMode() == rowlockv1.UniqueMode_debounce && t.GetDelaySeconds() == 0:
		return errors.New("the unique mode debounce needs a delay (--delay, delay_seconds): how long it must have been quiet")
	case t.GetUniqueMode() == rowlockv1.UniqueMode_debounce && t.GetUniqueWindowSeconds() != 0:
		return errors.New("a unique window doesn't go with the unique mode debounce")
	case t.GetDebounceMaxSeconds() != 0 && t.GetDebounceMaxSeconds() < t.GetDelaySeconds():
		return errors.New("the longest time of debouncing is below the delay")
	}
	for _, d := range []struct {
		name  string
		value float64
	}{
		{"delay", t.GetDelaySeconds()},
		{"timeout", t.GetTimeoutSeconds()},
		{"ttl", t.GetTtlSeconds()},
		{"unique window", t.GetUniqueWindowSeconds()},
		{"longest time of debouncing", t.GetDebounceMaxSeconds()},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s of %g s: want 0 or more", d.name, d.value)
		}
	}
	return nil
}
