package rpc

import (
	"errors"
	"fmt"
)

// Limits bound what one call may carry. Zero fields have the defaults that their comments give.
type Limits struct {
	PayloadBytes int // of one task; 256 KiB; at most 384 KiB, as a task must fit into one entry of the log
	ResultBytes  int // of one task; 64 KiB; at most 384 KiB
	BatchTasks   int // of one Enqueue; 10,000
	BatchBytes   int // of the tasks of one Enqueue; 4 MiB
	Held         int // leases that one worker may ask to hold; 4,096, which is also the most
}

// Bounds that aren't settable: they are what the state can hold, or keep one call from hurting others.
const (
	maxTaskBytes     = 384 << 10 // payload or result: an entry stays under 512 KiB
	maxHeld          = 4096      // as the machine
	maxKind          = 128
	maxUniqueKey     = 256
	maxFairKey       = 128
	maxSingletonKey  = 256
	maxStickyKey     = 256
	maxTraceContext  = 512
	maxLabels        = 32
	maxLabelKey      = 63
	maxLabelValue    = 256
	maxRequestID     = 64
	maxParents       = 100
	maxDelays        = 50
	maxErrorText     = 4 << 10
	maxProgressText  = 1 << 10
	maxName          = 128 // of a worker, a producer, a pool
	maxSessionQueues = 100
	maxSessionKinds  = 100
	maxQueueWeight   = 1000
	maxIDs           = 1000 // of one call that changes tasks
	maxPage          = 1000
	defaultPage      = 100
	maxLeaseCall     = 1000
	maxLeaseWait     = 60      // seconds
	maxMessage       = 5 << 20 // a batch of 4 MiB with its framing
	maxReply         = 2 << 20 // payloads and results in one answer or stream message; clients take 4 MiB
)

// newTaskOverhead is what a task costs beside its bytes and strings when batches and parts are measured.
const newTaskOverhead = 64

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		value    *int
		standard int
	}{
		{&l.PayloadBytes, 256 << 10}, {&l.ResultBytes, 64 << 10}, {&l.BatchTasks, 10_000}, {&l.BatchBytes, 4 << 20},
		{&l.Held, maxHeld},
	} {
		if *f.value == 0 {
			*f.value = f.standard
		}
	}
	return l
}

func (l Limits) validate() error {
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"PayloadBytes", l.PayloadBytes, maxTaskBytes}, {"ResultBytes", l.ResultBytes, maxTaskBytes},
		{"BatchTasks", l.BatchTasks, 10_000}, {"BatchBytes", l.BatchBytes, 4 << 20}, {"Held", l.Held, maxHeld},
	} {
		if f.value < 1 || f.value > f.max {
			return fmt.Errorf("limit %s must be 1 to %d, not %d", f.name, f.max, f.value)
		}
	}
	if l.BatchBytes < l.PayloadBytes {
		return errors.New("limit BatchBytes must not be below PayloadBytes")
	}
	return nil
}
