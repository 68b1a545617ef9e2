package task

import (
	"cmp"
	"slices"
	"strings"
)

// Tags of a queue's fields that came later, of which one that is zero takes no byte. They are part of the formats.
const (
	tagMaxRunning = iota + 1
	tagRate
	tagKeyMaxRunning
	tagKeyRate
	tagFairWeights
	tagPriorityAging
	tagTurns
	tagLimit
	tagStickyWait
	tagMaxTasks
	tagMaxBytes
	tagDeadLetterQueue
)

func (s *QueueSettings) appendTags(b []byte) []byte {
	if s.MaxRunning != 0 {
		b = appendUint(append(b, tagMaxRunning), uint64(s.MaxRunning))
	}
	if s.Rate != (Rate{}) {
		b = s.Rate.append(append(b, tagRate))
	}
	if s.KeyMaxRunning != 0 {
		b = appendUint(append(b, tagKeyMaxRunning), uint64(s.KeyMaxRunning))
	}
	if s.KeyRate != (Rate{}) {
		b = s.KeyRate.append(append(b, tagKeyRate))
	}
	if len(s.FairWeights) > 0 {
		b = appendUint(append(b, tagFairWeights), uint64(len(s.FairWeights)))
		for _, w := range s.FairWeights {
			b = appendUint(appendBytes(b, w.Key), uint64(w.Weight))
		}
	}
	if s.PriorityAging != 0 {
		b = appendInt(append(b, tagPriorityAging), s.PriorityAging)
	}
	if s.StickyWait != 0 {
		b = appendInt(append(b, tagStickyWait), s.StickyWait)
	}
	if s.MaxTasks != 0 {
		b = appendUint(append(b, tagMaxTasks), s.MaxTasks)
	}
	if s.MaxBytes != 0 {
		b = appendUint(append(b, tagMaxBytes), s.MaxBytes)
	}
	if s.DeadLetterQueue != "" {
		b = appendBytes(append(b, tagDeadLetterQueue), s.DeadLetterQueue)
	}
	return b
}

func (s *QueueSettings) readTag(tag byte, r *reader) {
	switch tag {
	case tagMaxRunning:
		s.MaxRunning = uint32(r.uintMax(1<<32 - 1))
	case tagRate:
		s.Rate = r.rate()
	case tagKeyMaxRunning:
		s.KeyMaxRunning = uint32(r.uintMax(1<<32 - 1))
	case tagKeyRate:
		s.KeyRate = r.rate()
	case tagFairWeights:
		s.FairWeights = make([]KeyWeight, r.count())
		for i := range s.FairWeights {
			s.FairWeights[i] = KeyWeight{Key: r.string(), Weight: uint16(r.uintMax(1<<16 - 1))}
		}
	case tagPriorityAging:
		s.PriorityAging = r.int()
	case tagStickyWait:
		s.StickyWait = r.int()
	case tagMaxTasks:
		s.MaxTasks = r.uint()
	case tagMaxBytes:
		s.MaxBytes = r.uint()
	case tagDeadLetterQueue:
		s.DeadLetterQueue = r.string()
	default:
		r.fail()
	}
}

func (q *queue) appendTags(b []byte) []byte {
	b = q.settings.appendTags(b)
	if q.turns != 0 {
		b = appendInt(append(b, tagTurns), q.turns)
	}
	if q.limit != 0 {
		b = appendInt(append(b, tagLimit), int64(q.limit))
	}
	return b
}

func (q *queue) readTags(r *reader) {
	for len(r.b) > 0 {
		switch tag := r.byte(); tag {
		case tagTurns:
			q.turns = r.int()
		case tagLimit:
			q.limit = bucket(r.int())
		default:
			q.settings.readTag(tag, r)
		}
	}
	q.settings.FairWeights = cloneWeights(q.settings.FairWeights)
	q.settings.DeadLetterQueue = strings.Clone(q.settings.DeadLetterQueue)
}

func (r Rate) append(b []byte) []byte {
	return appendUint(appendInt(appendUint(b, uint64(r.Tasks)), r.Per), uint64(r.Burst))
}

func (r *reader) rate() Rate {
	return Rate{Tasks: uint32(r.uintMax(1<<32 - 1)), Per: r.int(), Burst: uint32(r.uintMax(1<<32 - 1))}
}

func cloneWeights(list []KeyWeight) []KeyWeight {
	list = slices.Clone(list)
	for i := range list {
		list[i].Key = strings.Clone(list[i].Key)
	}
	return list
}

// weightOf is how many tasks of a fair key are leased in one turn.
func (s *QueueSettings) weightOf(key string) uint16 {
	i, ok := slices.BinarySearchFunc(s.FairWeights, key, func(w KeyWeight, key string) int { return cmp.Compare(w.Key, key) })
	if !ok {
		return 1
	}
	return max(s.FairWeights[i].Weight, 1)
}
