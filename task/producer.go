package task

import (
	"maps"
	"slices"
	"strings"
)

const (
	// ProducerTTL is how long a producer is remembered after its last call.
	ProducerTTL = 3600 * second
	// maxAnswers is how many sequences' answers a producer has at most; the lowest go first.
	maxAnswers = 1024
	// maxAnswerBytes is how many bytes they take at most.
	maxAnswerBytes = 1 << 20
)

// producer is a client whose calls are executed once (Ongaro, "Consensus: Bridging Theory and Practice", 6.3): the
// answers that it may still ask for again are kept. Memory grows with producers and their calls in flight, not with
// tasks.
type producer struct {
	id       uint64
	name     string
	lastUsed Time
	floor    uint64 // sequences below have no answer any more
	answers  map[uint64][]answer
	bytes    int
	dirty    bool
}

// answer is what one part of a call was told.
type answer struct {
	part  uint32
	items []byte
}

func (m *Machine) openProducer(c *OpenProducer) Result {
	if len(m.producers) >= maxProducers {
		return Result{Code: TooManyProducers}
	}
	m.lastProducer++
	p := &producer{id: m.lastProducer, name: strings.Clone(c.Name), floor: 1, answers: map[uint64][]answer{}}
	m.producers[p.id] = p
	m.touchProducer(p)
	m.alarms.push(alarm{at: after(m.now, ProducerTTL), kind: alarmProducer, id: p.id})
	return Result{Items: []Item{{ID: ID(p.id)}}}
}

func (m *Machine) touchProducer(p *producer) {
	p.lastUsed = m.now
	if !p.dirty {
		p.dirty = true
		m.dirty.record(KindProducer, p.id)
	}
}

// recall returns the answer that the call already got, or that it can't be known any more.
func (p *producer) recall(c *Enqueue) (Result, bool) {
	p.raise(c.AckedBelow)
	if c.Sequence < p.floor {
		return Result{Code: SequenceForgotten}, true
	}
	for _, a := range p.answers[c.Sequence] {
		if a.part == c.Part {
			items, err := readItems(a.items)
			if err != nil {
				panic("task: a recorded answer in memory doesn't decode")
			}
			return Result{Items: items}, true
		}
	}
	return Result{}, false
}

func (p *producer) remember(c *Enqueue, items []Item) {
	a := answer{part: c.Part, items: appendItems(nil, items)}
	p.answers[c.Sequence] = append(p.answers[c.Sequence], a)
	p.bytes += len(a.items)
	for len(p.answers) > maxAnswers || (p.bytes > maxAnswerBytes && len(p.answers) > 1) {
		p.raise(slices.Min(slices.Collect(maps.Keys(p.answers))) + 1)
	}
}

// raise drops the answers below a sequence.
func (p *producer) raise(floor uint64) {
	if floor <= p.floor {
		return
	}
	p.floor = floor
	for seq, answers := range p.answers {
		if seq < floor {
			for _, a := range answers {
				p.bytes -= len(a.items)
			}
			delete(p.answers, seq)
		}
	}
}

// producerAlarm forgets a producer that has been idle for too long.
func (m *Machine) producerAlarm(id uint64, came Time) bool {
	p, ok := m.producers[id]
	if !ok {
		return false
	}
	if at := after(p.lastUsed, ProducerTTL); m.early(came, at) {
		m.alarms.push(alarm{at: at, kind: alarmProducer, id: id})
		return false
	}
	delete(m.producers, id)
	m.dirty.record(KindProducer, id)
	return true
}

// appendItems encodes recorded items. Runs of new tasks with adjoining IDs, which is what most calls get, take a few
// bytes whatever their length.
func appendItems(b []byte, items []Item) []byte {
	b = appendUint(b, uint64(len(items)))
	for i := 0; i < len(items); {
		n := 1
		for i+n < len(items) && items[i+n] == follow(items[i], n) {
			n++
		}
		it := items[i]
		b = appendUint(appendUint(appendUint(b, uint64(n)), uint64(it.ID)), it.Other)
		b = append(b, byte(it.Code), byte(it.State))
		i += n
	}
	return b
}

// follow is the n-th item after one in a run.
func follow(it Item, n int) Item {
	it.ID += ID(n)
	if it.Other != 0 {
		it.Other += uint64(n)
	}
	return it
}

func readItems(b []byte) ([]Item, error) {
	r := reader{b: b}
	total := r.uintMax(maxItems)
	if total == 0 {
		return nil, r.done()
	}
	var items []Item
	for uint64(len(items)) < total && !r.bad {
		n := r.uintMax(total - uint64(len(items)))
		it := Item{ID: ID(r.uint()), Other: r.uint(), Code: Code(r.byteMax(byte(codeCount - 1))), State: State(r.byteMax(byte(stateCount - 1)))}
		if n == 0 {
			r.fail()
		}
		for k := range int(n) {
			items = append(items, follow(it, k))
		}
	}
	return items, r.done()
}

// maxItems is more than any command has.
const maxItems = 1 << 20
