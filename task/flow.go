package task

import (
	"slices"
	"strings"
)

// flow is what dispatch looks at in a task besides queue, kind and priority. Tasks that name none of it have flow 0.
type flow struct {
	fairKey   string
	singleton string
	sticky    string
	require   []Label // sorted by key
}

func (f *flow) isZero() bool {
	return f.fairKey == "" && f.singleton == "" && f.sticky == "" && len(f.require) == 0
}

// setsApart reports whether a task of this flow has another lane than one of none. A sticky key decides for whom it is reserved,
// and nothing else.
func (f *flow) setsApart() bool { return f.fairKey != "" || f.singleton != "" || len(f.require) > 0 }

// append encodes a flow, for the table's key.
func (f *flow) append(b []byte) []byte {
	return appendLabels(appendBytes(appendBytes(appendBytes(b, f.fairKey), f.singleton), f.sticky), f.require)
}

// flowOf returns what dispatch looks at of a task with these cold fields. Below its feature level a fair key is a note only.
func (m *Machine) flowOf(c *cold) flow {
	if m.level < LevelFeatures {
		return flow{}
	}
	return flow{fairKey: c.fairKey, singleton: c.singleton, sticky: c.sticky, require: c.require}
}

// flows numbers the flows of live tasks. Numbers are reused and differ between members.
type flows struct {
	all   []heldFlow // by number; 0 is the empty one
	free  []uint32
	byKey map[string]uint32
	key   []byte
}

type heldFlow struct {
	flow
	key  string
	refs uint32
	// requirement is the number of its required labels among those of all flows: 0: none.
	requirement uint32
}

func newFlows() flows { return flows{all: make([]heldFlow, 1), byKey: map[string]uint32{}} }

// hold returns the number of a flow, for one more holder. Its strings may alias anything: they are cloned.
func (t *flows) hold(f flow, requirements *interner) uint32 {
	if f.isZero() {
		return 0
	}
	t.key = f.append(t.key[:0])
	if n, ok := t.byKey[string(t.key)]; ok {
		t.all[n].refs++
		return n
	}
	h := heldFlow{key: string(t.key), refs: 1}
	h.flow = flow{
		fairKey: strings.Clone(f.fairKey), singleton: strings.Clone(f.singleton), sticky: strings.Clone(f.sticky), require: cloneLabels(f.require),
	}
	if len(f.require) > 0 {
		h.requirement = requirements.hold(string(appendLabels(nil, f.require)))
	}
	var n uint32
	if last := len(t.free) - 1; last >= 0 {
		n, t.free = t.free[last], t.free[:last]
		t.all[n] = h
	} else {
		n = uint32(len(t.all))
		t.all = append(t.all, h)
	}
	t.byKey[h.key] = n
	return n
}

func (t *flows) release(n uint32, requirements *interner) {
	if n == 0 {
		return
	}
	h := &t.all[n]
	if h.refs--; h.refs > 0 {
		return
	}
	delete(t.byKey, h.key)
	if h.requirement != 0 {
		requirements.release(h.requirement)
	}
	*h = heldFlow{}
	t.free = append(t.free, n)
}

// satisfies reports whether a session has all the labels that are required.
func (s *session) satisfies(require []Label) bool { return carries(s.labels, s.pool, require) }

// Satisfies reports whether a session's worker has all the labels that are required. The label pool is its pool.
func (s *Session) Satisfies(require []Label) bool { return carries(s.Labels, s.Pool, require) }

func carries(labels []Label, pool string, require []Label) bool {
	for _, l := range require {
		if l.Key == poolLabel && l.Value == pool {
			continue
		}
		if !slices.Contains(labels, l) {
			return false
		}
	}
	return true
}

// poolLabel is the label that every worker has: its pool.
const poolLabel = "pool"
