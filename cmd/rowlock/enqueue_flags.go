package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// enqueueCall are the flags of the call, whatever its tasks.
type enqueueCall struct {
	fromFile    string
	requestID   string
	wait        bool
	waitTimeout time.Duration // 0 is no limit
}

// requestIDMax leaves room for the number of a batch in the API's 64 bytes.
const requestIDMax = 48

func (e *enqueueCall) add(flags *pflag.FlagSet) {
	flags.StringVar(&e.fromFile, "from-file", "", "enqueue the tasks of this file, one JSON object a line; - is stdin")
	flags.StringVar(&e.requestID, "request-id", "", "names the call: one with the same ID within 24 h is executed once (default: a random one)")
	flags.BoolVar(&e.wait, "wait", false, "wait until the task has ended; exit code 1 unless it completed")
	flags.DurationVar(&e.waitTimeout, "wait-timeout", 0, "wait no longer than this; the task goes on (default: no limit)")
}

func (e *enqueueCall) check() error {
	switch {
	case len(e.requestID) > requestIDMax:
		return usagef("--request-id of %d bytes: want at most %d", len(e.requestID), requestIDMax)
	case e.fromFile != "" && e.wait:
		return usagef("--from-file and --wait exclude each other")
	case e.waitTimeout < 0:
		return usagef("--wait-timeout %s: want 0s or more; 0s is no limit", e.waitTimeout)
	case e.waitTimeout > 0 && !e.wait:
		return usagef("--wait-timeout is for --wait")
	}
	if e.requestID == "" {
		e.requestID = requestID()
	}
	return nil
}

// taskFlags describe one task.
type taskFlags struct {
	payload    string
	raw        bool
	at         string
	delay      time.Duration
	timeout    time.Duration
	ttl        time.Duration
	window     time.Duration
	debounce   time.Duration
	priority   uint32
	uniqueMode string
	backoff    backoffFlags
	kin        kinFlags
	new        rowlockv1.NewTask
}

func (t *taskFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&t.new.Kind, "kind", "", "what sort of task it is; workers may handle some kinds only")
	flags.StringVar(&t.payload, "payload", "", "what the worker gets: JSON, @file, or - for stdin")
	flags.BoolVar(&t.raw, "raw", false, "take --payload as it is, JSON or not")
	flags.DurationVar(&t.delay, "delay", 0, "run it after this long")
	flags.StringVar(&t.at, "at", "", "run it at this time, such as 2030-01-31T08:00:00Z")
	flags.Uint32Var(&t.priority, "priority", 5, "0 to 9; 9 is leased first")
	flags.Uint32Var(&t.new.MaxAttempts, "max-attempts", 0, "failed attempts after which it is dead (default: the queue's)")
	flags.Uint32Var(&t.new.MaxWorkerDeaths, "max-worker-deaths", 0, "workers that may die while running it (default: the queue's)")
	flags.DurationVar(&t.timeout, "timeout", 0, "how long an attempt may take (default: the queue's)")
	flags.DurationVar(&t.ttl, "ttl", 0, "dead if it hasn't started after this long (default: the queue's)")
	flags.StringVar(&t.new.UniqueKey, "unique-key", "", "at most one task of the queue has this key at a time")
	flags.StringVar(&t.uniqueMode, "unique-mode", "", "where the key is taken: reject, return, replace or debounce (default reject)")
	flags.DurationVar(&t.window, "unique-window", 0, "how long the key stays taken; 0 is until the task ends")
	flags.StringVar(&t.new.FairKey, "fair-key", "", "whom it is for, such as a tenant; the keys of a queue take turns")
	flags.StringVar(&t.new.SingletonKey, "singleton-key", "", "one task of the queue with this key runs at a time")
	flags.StringVar(&t.new.StickyKey, "sticky-key", "", "wait a while for the worker that ran the last task of the queue with this key")
	flags.StringToStringVar(&t.new.Require, "require", nil, "labels that its worker must have, key=value; pool=NAME is the worker's pool")
	flags.DurationVar(&t.debounce, "debounce-max", 0, "with --unique-mode debounce: how long after the first call it is put off at most; 0 is no limit")
	flags.StringToStringVar(&t.new.Labels, "label", nil, "labels, key=value")
	flags.StringVar(&t.new.TraceContext, "trace-context", "", "W3C traceparent to go on with")
	flags.StringSliceVar(&t.new.DependsOn, "depends-on", nil, "IDs of tasks that must complete first")
	flags.StringVar(&t.new.BatchId, "batch", "", "ID of the batch to add it to")
	t.kin.add(flags)
	t.backoff.add(flags)
}

// task builds the API's task, and refuses what the servers would refuse.
func (t *taskFlags) task(p *program, flags *pflag.FlagSet, queue string) (*rowlockv1.NewTask, error) {
	if err := atMostOne(flags, "delay", "at"); err != nil {
		return nil, err
	}
	// What is left out comes from the queue; a zero would say the same and mean something else.
	for _, name := range []string{"max-attempts", "max-worker-deaths", "timeout", "ttl"} {
		if flag := flags.Lookup(name); flag.Changed && (flag.Value.String() == "0" || flag.Value.String() == "0s") {
			return nil, usagef("--%s %s: want more than 0; leave it out for the queue's", name, flag.Value)
		}
	}
	var err error
	if t.new.RunAt, err = runTime(t.at, t.delay); err != nil {
		return nil, err
	}
	if t.new.UniqueMode, err = taskfile.UniqueMode(t.uniqueMode); err != nil {
		return nil, usagef("--unique-mode %s", err)
	}
	if t.new.Backoff, err = t.backoff.value(flags); err != nil {
		return nil, err
	}
	for i, id := range t.new.DependsOn {
		if t.new.DependsOn[i], err = taskID(id); err != nil {
			return nil, err
		}
	}
	if flags.Changed("batch") {
		if t.new.BatchId, err = batchID(t.new.BatchId); err != nil {
			return nil, usagef("--batch: %s", err)
		}
	}
	if err := t.kin.set(&t.new); err != nil {
		return nil, err
	}
	if flags.Changed("priority") {
		t.new.Priority = &t.priority
	}
	t.new.Queue = queue
	t.new.DelaySeconds, t.new.TimeoutSeconds = t.delay.Seconds(), t.timeout.Seconds()
	t.new.TtlSeconds, t.new.UniqueWindowSeconds = t.ttl.Seconds(), t.window.Seconds()
	t.new.DebounceMaxSeconds = t.debounce.Seconds()
	if t.new.Payload, err = t.readPayload(p); err != nil {
		return nil, err
	}
	if err := taskfile.Check(&t.new); err != nil {
		return nil, &exitError{code: exitUsage, text: err.Error()} // in the words of a file, which inFlags knows
	}
	return &t.new, nil
}

// readPayload reads no more than one byte over the bound: enough to refuse the rest.
func (t *taskFlags) readPayload(p *program) ([]byte, error) {
	var source io.Reader
	switch {
	case t.payload == "":
		return nil, nil
	case t.raw && t.payload != "-" && t.payload[0] != '@':
		return []byte(t.payload), nil
	case t.payload == "-":
		source = p.stdin
	case t.payload[0] == '@':
		file, err := os.Open(t.payload[1:])
		if err != nil {
			return nil, usagef("--payload: %s", err)
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return nil, usagef("--payload %s: a directory, not a file", t.payload)
		}
		source = file
	default:
		return []byte(t.payload), jsonPayload(t.payload)
	}
	payload, err := io.ReadAll(io.LimitReader(source, taskfile.MaxPayloadBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the payload: %w", err)
	}
	if len(payload) > taskfile.MaxPayloadBytes {
		return nil, usagef("the payload is over the bound of %d KiB: store it elsewhere and enqueue where it is", taskfile.MaxPayloadBytes>>10)
	}
	return payload, nil
}

// jsonPayload says what keeps a payload from being JSON.
func jsonPayload(text string) error {
	var value any
	err := json.Unmarshal([]byte(text), &value)
	if err == nil {
		return nil
	}
	reason := err.Error()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		reason = fmt.Sprintf("%s at character %d", reason, syntax.Offset)
	}
	return usagef("--payload isn't JSON (%s): mend it, or say --raw to send it as it is", reason)
}
