package task

import (
	"slices"
	"strings"
)

const (
	// maxBatches is how many batches there may be.
	maxBatches = 100_000
	// MaxBatchCallbackBytes is how many bytes the encoded callbacks of one batch may take: they are written whenever the batch's
	// counts are.
	MaxBatchCallbackBytes = 64 << 10
	// maxCallbackBytes is how many bytes the callbacks of all batches may take.
	maxCallbackBytes = 256 << 20
	// BatchTTL is how long a batch is kept after it has been closed, all its tasks have ended and its callbacks are through.
	BatchTTL Duration = 24 * 3600 * second
)

// CallbackKind says when a callback of a batch is enqueued.
type CallbackKind uint8

// The kinds. Their numbers are part of the formats; callbacks that are due together are enqueued in their order.
const (
	// CallbackSuccess comes when the batch is closed and all its tasks have completed.
	CallbackSuccess CallbackKind = iota
	// CallbackDeath comes at the first dead letter, also before the batch is closed.
	CallbackDeath
	// CallbackComplete comes when the batch is closed and all its tasks have ended, however.
	CallbackComplete

	callbackKinds
)

var callbackNames = [callbackKinds]string{"on_success", "on_death", "on_complete"}

// String returns the name that users see.
func (k CallbackKind) String() string {
	if k < callbackKinds {
		return callbackNames[k]
	}
	return "invalid"
}

// CallbackState is how far a callback of a batch has come.
type CallbackState uint8

// The states. Their numbers are part of the state file's format.
const (
	// CallbackNone is that of a callback that wasn't asked for.
	CallbackNone CallbackState = iota
	// CallbackWaiting hasn't been enqueued yet.
	CallbackWaiting
	// CallbackDue is about to be enqueued, by the end of this command or the next Tick.
	CallbackDue
	// CallbackDone has been enqueued, or was refused for good.
	CallbackDone
	// CallbackRefused couldn't be enqueued for now, and is tried again.
	CallbackRefused

	callbackStates
)

// batch is a group of tasks that are counted together. Its ID comes from the tasks' row.
//
// Invariants: counts are of all its tasks that ever were, each in one class, following the tasks' states; ended is set
// while it is closed and none of them waits or runs; nothing follows on the CallbackDone of a callback, so that it is enqueued at
// most once; cursor is set while it is being cancelled; one that may expire has an alarm at that time or before.
type batch struct {
	id        ID
	name      string
	created   Time
	closed    Time // 0: open
	ended     Time // closed, and all tasks have ended; 0: not so
	idle      Duration
	active    Time // when it was created, or last got a task or lost one by its end
	counts    BatchCounts
	cancelled bool // no on_success any more
	expired   bool // neither
	mark      ID   // while it is being cancelled: tasks below it are looked at
	cursor    ID   // the last one that was; 0: it isn't being cancelled
	callbacks [callbackKinds]callback

	dirty   bool // in the dirty set already
	alarmed bool // there is an alarm of its expiry
	hashPart
}

// callback is one task that the batch enqueues.
type callback struct {
	state    CallbackState
	template []byte // encoded NewTask; never changed
	at       Time   // when it was done, or refused last
	task     ID     // that was enqueued, or is in the way
	code     Code   // why it couldn't be
	tries    uint32 // that were refused
	since    Time   // of the first of them
	next     Time   // when it is tried again; 0: it isn't

	listed bool   // it is among the waiters of a queue
	queue  uint32 // that one
	size   int    // of its payload; set with listed
}

// batches has all batches, and those with something to do.
type batches struct {
	byID    map[ID]*batch
	order   []ID     // ascending; some may have gone
	due     []ID     // with callbacks that are due, ascending
	roomy   []uint32 // queues that may have room for a callback that waits for it, ascending
	cancels []ID     // being cancelled, ascending
	bytes   int      // of all callbacks
	hashes  hashSum
}

func newBatches() batches { return batches{byID: map[ID]*batch{}} }

func (bs *batches) add(b *batch) {
	bs.byID[b.id] = b
	bs.order = append(bs.order, b.id)
	for i := range b.callbacks {
		bs.bytes += len(b.callbacks[i].template)
		if b.callbacks[i].state == CallbackDue {
			enlist(&bs.due, b.id)
		}
	}
	if b.cursor != 0 {
		enlist(&bs.cancels, b.id)
	}
}

// enlist adds an ID to an ascending list, once.
func enlist(list *[]ID, id ID) {
	if i, there := slices.BinarySearch(*list, id); !there {
		*list = slices.Insert(*list, i, id)
	}
}

// delist takes an ID out of an ascending list.
func delist(list *[]ID, id ID) {
	if i, there := slices.BinarySearch(*list, id); there {
		*list = slices.Delete(*list, i, i+1)
	}
}

// touchBatch must come with any change of a batch.
func (m *Machine) touchBatch(b *batch) {
	if !b.dirty {
		b.dirty = true
		m.dirty.record(KindBatch, uint64(b.id))
	}
	m.batches.hashes.changed(b)
}

func (m *Machine) createBatch(c *CreateBatch) Result {
	bs := &m.batches
	b := &batch{id: m.nextID, name: strings.Clone(c.Name), created: m.now, active: m.now, idle: first(c.IdleTimeout, DefaultBatchIdle)}
	if b.idle < 0 || b.idle > MaxBatchIdle {
		return Result{Code: Invalid}
	}
	size := 0
	for i, t := range c.Callbacks {
		if t == nil {
			continue
		}
		if !t.canCallBack() {
			return Result{Code: Invalid}
		}
		b.callbacks[i] = callback{state: CallbackWaiting, template: t.append(nil)}
		size += len(b.callbacks[i].template)
	}
	switch {
	case size > MaxBatchCallbackBytes:
		return Result{Code: Invalid}
	case len(bs.byID) >= maxBatches || bs.bytes+size > maxCallbackBytes:
		return Result{Code: TooManyBatches}
	}
	m.nextID++
	bs.add(b)
	m.touchBatch(b)
	m.watchIdle(b)
	return Result{Items: []Item{{ID: b.id}}}
}

// canCallBack reports whether a template stands alone: it waits for no task, stands for none, and is in no batch.
func (t *NewTask) canCallBack() bool {
	return t.Batch == 0 && len(t.DependsOn) == 0 && len(t.ParentsDone) == 0 && t.RetryOf == 0
}

// admitToBatch reports why a task can't be added to a batch; 0 is none.
func (m *Machine) admitToBatch(id ID) Code {
	if id == 0 {
		return OK
	}
	switch b := m.batches.byID[id]; {
	case b == nil:
		return NoSuchBatch
	case b.closed != 0:
		return BatchClosed
	}
	return OK
}

// closeBatch lets nothing more into a batch. Closing it again changes nothing.
func (m *Machine) closeBatch(c *CloseBatch) Result {
	b := m.batches.byID[c.ID]
	if b == nil {
		return Result{Code: NoSuchBatch}
	}
	m.shut(b)
	return Result{Items: []Item{{ID: b.id}}}
}

func (m *Machine) shut(b *batch) {
	if b.closed == 0 {
		b.closed = m.now
		m.touchBatch(b)
		m.settleBatch(b)
	}
}

// dropBatch forgets a batch. Dead letters of it may go on; nobody counts them any more.
func (m *Machine) dropBatch(b *batch) {
	bs := &m.batches
	m.touchBatch(b)
	bs.hashes.drop(b)
	delete(bs.byID, b.id)
	delist(&bs.due, b.id)
	delist(&bs.cancels, b.id)
	for i := range b.callbacks {
		bs.bytes -= len(b.callbacks[i].template)
	}
	if len(bs.order) > 2*len(bs.byID)+64 {
		bs.order = slices.DeleteFunc(bs.order, func(id ID) bool { return bs.byID[id] == nil })
	}
}

// goesAt is when a batch is to be dropped; 0: not yet known. A callback that is tried again keeps it.
func (b *batch) goesAt() Time {
	if b.ended == 0 {
		return 0
	}
	last := b.ended
	for i := range b.callbacks {
		switch c := &b.callbacks[i]; c.state {
		case CallbackDue, CallbackRefused:
			return 0
		case CallbackDone:
			last = max(last, c.at)
		}
	}
	return after(last, BatchTTL)
}

// watchEnd sets the alarm of a batch that is to be dropped. It comes with every change of goesAt.
func (m *Machine) watchEnd(b *batch) {
	if at := b.goesAt(); at != 0 {
		m.alarms.push(alarm{at: at, kind: alarmBatch, id: uint64(b.id)})
	}
}

// batchAlarm drops a batch that ended long enough ago. An alarm of an earlier end, after which a dead letter that was retried
// reopened the batch, does nothing: the last end has one of its own, which acts in its order.
func (m *Machine) batchAlarm(id ID, came Time) bool {
	b := m.batches.byID[id]
	if b == nil || b.goesAt() != came {
		return false
	}
	m.dropBatch(b)
	return true
}
