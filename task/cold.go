package task

import (
	"slices"
	"strings"
)

// cold has the fields of a task that most tasks don't have, or that are needed rarely. It is kept encoded.
type cold struct {
	uniqueKey    string
	uniqueWindow Duration
	fairKey      string
	labels       []Label
	trace        string
	backoff      Backoff
	waits        []ID // parents that it still waits for
	retryOf      ID
	errors       []AttemptError // oldest first
	progress     ProgressNote
	singleton    string
	require      []Label
	sticky       string
	tick         tickRef // of a schedule that made it
	parents      []Edge  // all that it depends on
	onFailure    ParentFailure
	workflow     ID
	ref          string // its name in the workflow
	batch        ID
	callbackOf   ID // the batch that enqueued it
	callback     CallbackKind
	origin       string // the queue in which a dead letter died, where that isn't the one that it is in
}

// tickRef names a tick of a schedule.
type tickRef struct {
	schedule string // empty: none
	nominal  Time
}

const (
	// maxErrors is how many attempts' errors are kept.
	maxErrors = 10
	// maxErrorText is how much of an error's text is kept, in bytes.
	maxErrorText = 4 << 10
	// maxProgressText is how much of a progress message is kept, in bytes.
	maxProgressText = 1 << 10
)

// Tags of the encoded fields. They are part of the state file's format.
const (
	coldUnique = iota + 1
	coldFairKey
	coldLabels
	coldTrace
	coldBackoff
	coldWaits
	coldRetryOf
	coldErrors
	coldProgress
	coldSingleton
	coldRequire
	coldSticky
	coldTick
	coldOrigin
	coldParents
	coldParentFailure
	coldMember
	coldBatch // always the first
	coldCallback
)

func newCold(t *NewTask, l *lineage) cold {
	return cold{
		parents: l.parents, onFailure: t.OnParentFailure,
		uniqueKey: t.UniqueKey, uniqueWindow: t.UniqueWindow, fairKey: t.FairKey, labels: t.Labels,
		trace: t.TraceContext, backoff: t.Backoff, waits: l.waits, retryOf: t.RetryOf,
		singleton: t.SingletonKey, require: t.Require, sticky: t.StickyKey,
		batch: t.Batch, callbackOf: t.callbackOf, callback: t.callback,
	}
}

func (c *cold) append(b []byte) []byte {
	if c.batch != 0 { // batchOf relies on it being the first
		b = appendUint(append(b, coldBatch), uint64(c.batch))
	}
	if c.uniqueKey != "" {
		b = appendInt(appendBytes(append(b, coldUnique), c.uniqueKey), c.uniqueWindow)
	}
	if c.fairKey != "" {
		b = appendBytes(append(b, coldFairKey), c.fairKey)
	}
	if len(c.labels) > 0 {
		b = appendLabels(append(b, coldLabels), c.labels)
	}
	if c.trace != "" {
		b = appendBytes(append(b, coldTrace), c.trace)
	}
	if !c.backoff.IsZero() {
		b = appendBackoff(append(b, coldBackoff), c.backoff)
	}
	if len(c.waits) > 0 {
		b = appendIDs(append(b, coldWaits), c.waits)
	}
	if c.retryOf != 0 {
		b = appendUint(append(b, coldRetryOf), uint64(c.retryOf))
	}
	if len(c.errors) > 0 {
		b = appendErrors(append(b, coldErrors), c.errors)
	}
	if p := c.progress; p.At != 0 {
		b = append(appendInt(append(b, coldProgress), p.At), p.Percent)
		b = appendBytes(b, p.Message)
	}
	if c.singleton != "" {
		b = appendBytes(append(b, coldSingleton), c.singleton)
	}
	if len(c.require) > 0 {
		b = appendLabels(append(b, coldRequire), c.require)
	}
	if c.sticky != "" {
		b = appendBytes(append(b, coldSticky), c.sticky)
	}
	if c.tick.schedule != "" {
		b = appendInt(appendBytes(append(b, coldTick), c.tick.schedule), c.tick.nominal)
	}
	if c.origin != "" {
		b = appendBytes(append(b, coldOrigin), c.origin)
	}
	if len(c.parents) > 0 {
		b = appendEdges(append(b, coldParents), c.parents)
	}
	if c.onFailure != 0 {
		b = append(b, coldParentFailure, byte(c.onFailure))
	}
	if c.workflow != 0 {
		b = appendBytes(appendUint(append(b, coldMember), uint64(c.workflow)), c.ref)
	}
	if c.callbackOf != 0 {
		b = append(appendUint(append(b, coldCallback), uint64(c.callbackOf)), byte(c.callback))
	}
	return b
}

func appendErrors(b []byte, errors []AttemptError) []byte {
	b = appendUint(b, uint64(len(errors)))
	for i := range errors {
		e := &errors[i]
		b = append(appendUint(appendInt(b, e.At), uint64(e.Attempt)), byte(e.Cause))
		b = appendBytes(appendBytes(b, e.Message), e.Worker)
	}
	return b
}

func (r *reader) errors() []AttemptError {
	errors := make([]AttemptError, r.count())
	for i := range errors {
		errors[i] = AttemptError{
			At: r.int(), Attempt: uint16(r.uintMax(1<<16 - 1)), Cause: Cause(r.byteMax(byte(causeCount - 1))),
			Message: r.string(), Worker: r.string(),
		}
	}
	return errors
}

// read decodes what append wrote. Strings alias the reader's bytes.
func (c *cold) read(r *reader) {
	for len(r.b) > 0 {
		switch r.byte() {
		case coldUnique:
			c.uniqueKey, c.uniqueWindow = r.string(), r.int()
		case coldFairKey:
			c.fairKey = r.string()
		case coldLabels:
			c.labels = r.labels()
		case coldTrace:
			c.trace = r.string()
		case coldBackoff:
			c.backoff = r.backoff()
		case coldWaits:
			c.waits = r.ids()
		case coldRetryOf:
			c.retryOf = ID(r.uint())
		case coldErrors:
			c.errors = r.errors()
		case coldProgress:
			c.progress = ProgressNote{At: r.int(), Percent: r.byteMax(100), Message: r.string()}
		case coldSingleton:
			c.singleton = r.string()
		case coldRequire:
			c.require = r.labels()
		case coldSticky:
			c.sticky = r.string()
		case coldTick:
			c.tick = tickRef{schedule: r.string(), nominal: r.int()}
		case coldOrigin:
			c.origin = r.string()
		case coldParents:
			c.parents = r.edges()
		case coldParentFailure:
			c.onFailure = ParentFailure(r.byteMax(byte(parentFailureCount - 1)))
		case coldMember:
			c.workflow, c.ref = ID(r.uint()), r.string()
		case coldBatch:
			c.batch = ID(r.uint())
		case coldCallback:
			c.callbackOf, c.callback = ID(r.uint()), CallbackKind(r.byteMax(byte(callbackKinds-1)))
		default:
			r.fail()
		}
	}
}

// coldBytes returns the encoded cold fields, valid until the next change of the task.
func (m *Machine) coldBytes(r *record) []byte {
	if r.cold == 0 {
		return nil
	}
	rd := reader{b: m.arena.get(r.cold, m.arena.size(r.cold))}
	return rd.bytes()
}

// coldOf decodes a task's cold fields. Its strings alias the arena: they are valid until the next change of the task.
func (m *Machine) coldOf(r *record) cold {
	var c cold
	if b := m.coldBytes(r); b != nil {
		rd := reader{b: b}
		c.read(&rd)
		if rd.bad {
			panic("task: cold fields in memory don't decode")
		}
	}
	return c
}

// setCold replaces a task's cold fields.
func (m *Machine) setCold(r *record, c cold) {
	m.setColdBytes(r, c.append(nil))
}

func (m *Machine) setColdBytes(r *record, b []byte) {
	old := r.cold
	r.cold = 0
	if len(b) > 0 {
		framed := appendBytes(make([]byte, 0, len(b)+4), b)
		r.cold = m.arena.put(framed)
	}
	if old != 0 { // only now: c may alias it
		m.arena.release(old)
	}
}

// note appends an attempt's error.
func (c *cold) note(e AttemptError) {
	e.Message = cut(e.Message, maxErrorText)
	c.errors = append(c.errors, e)
	if n := len(c.errors) - maxErrors; n > 0 {
		c.errors = c.errors[n:]
	}
}

// cut shortens a text to n bytes, at a character's boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// clone makes the fields independent of the arena.
func (c *cold) clone() {
	c.uniqueKey, c.fairKey, c.trace = strings.Clone(c.uniqueKey), strings.Clone(c.fairKey), strings.Clone(c.trace)
	c.labels = cloneLabels(c.labels)
	c.backoff.Delays = slices.Clone(c.backoff.Delays)
	for i := range c.errors {
		e := &c.errors[i]
		e.Message, e.Worker = strings.Clone(e.Message), strings.Clone(e.Worker)
	}
	c.progress.Message = strings.Clone(c.progress.Message)
	c.ref = strings.Clone(c.ref)
	c.singleton, c.sticky, c.require = strings.Clone(c.singleton), strings.Clone(c.sticky), cloneLabels(c.require)
	c.tick.schedule = strings.Clone(c.tick.schedule)
	c.origin = strings.Clone(c.origin)
}

func cloneLabels(labels []Label) []Label {
	if len(labels) == 0 {
		return nil
	}
	clone := make([]Label, len(labels))
	for i, l := range labels {
		clone[i] = Label{strings.Clone(l.Key), strings.Clone(l.Value)}
	}
	return clone
}
