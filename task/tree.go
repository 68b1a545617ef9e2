package task

// node is a part of the tree in which the pending tasks of a queue wait. Its leaves are lanes: lists of tasks that are alike
// in all that dispatch looks at, in their ready order. Above them are the shares, one for each fair key that has tasks of a
// class, and above these the classes, one for each kind. Classes stand in the heaps of a queue's stages.
//
// A node that may be served has a place in its parent's heap, by (turn, order): the turn of the fair key, then the ready
// order. Lanes whose singleton key is taken and shares whose fair key is limited have none, and so cost nothing.
//
// Invariant: turn and order of a share or class are those of its first child; of a node without open children, anything.
type node struct {
	turn   int64
	order  int64
	parent uint32 // 0: of a class, whose parent is a stage's heap
	place  uint32 // in the parent's heap plus one; 0: it isn't open
	count  uint32 // tasks: of a lane, all; else, of the open children
	key    uint32 // class: its stage; share: the tenant; lane: the singleton
	index  uint32 // class: its kind; share, lane: the place in the list of its tenant or singleton

	head, tail uint32 // lane: the first and last slot; class: the queue, and the place in its list
	kids       *kids

	suspect  bool
	priority uint8
}

// kids are the children of a share or class.
type kids struct {
	heap  []uint32 // the open ones
	n     int      // all of them
	only  uint32   // the first one, while there was never more than one
	byKey map[uint32]uint32
}

// tree has all nodes. Their numbers are reused and differ between members.
type tree struct {
	all     []node // 0 is none
	free    []uint32
	spare   []*kids
	classes map[classKey]uint32
}

// classKey is what the tasks of a class share.
type classKey struct {
	queue    uint32
	kind     uint32
	stage    uint32
	suspect  bool // they have seen a worker die
	priority uint8
}

func newTree() tree { return tree{all: make([]node, 1), classes: map[classKey]uint32{}} }

func (t *tree) alloc(n node) uint32 {
	if last := len(t.free) - 1; last >= 0 {
		i := t.free[last]
		t.free = t.free[:last]
		t.all[i] = n
		return i
	}
	t.all = append(t.all, n)
	return uint32(len(t.all) - 1)
}

// allocParent makes a node that has children.
func (t *tree) allocParent(n node) uint32 {
	if last := len(t.spare) - 1; last >= 0 {
		n.kids, t.spare = t.spare[last], t.spare[:last]
	} else {
		n.kids = &kids{}
	}
	return t.alloc(n)
}

func (t *tree) release(i uint32) {
	if k := t.all[i].kids; k != nil {
		k.only = 0
		clear(k.byKey)
		t.spare = append(t.spare, k)
	}
	t.all[i] = node{}
	t.free = append(t.free, i)
}

// child returns the child of a key; 0: there is none.
func (t *tree) child(parent, key uint32) uint32 {
	k := t.all[parent].kids
	if k.only != 0 {
		if t.all[k.only].key == key {
			return k.only
		}
		return 0
	}
	return k.byKey[key]
}

// adopt enters a child with its parent.
func (t *tree) adopt(parent, child uint32) {
	k := t.all[parent].kids
	k.n++
	switch {
	case k.n == 1 && k.byKey == nil:
		k.only = child
		return
	case k.byKey == nil:
		k.byKey = map[uint32]uint32{}
	}
	if k.only != 0 {
		k.byKey[t.all[k.only].key] = k.only
		k.only = 0
	}
	k.byKey[t.all[child].key] = child
}

// disown forgets a child, which isn't open any more, and returns how many are left.
func (t *tree) disown(parent, child uint32) int {
	k := t.all[parent].kids
	k.n--
	if k.only == child {
		k.only = 0
	} else {
		delete(k.byKey, t.all[child].key)
	}
	return k.n
}

// first returns the lane that is served next below an open node.
func (t *tree) first(i uint32) uint32 {
	for t.all[i].kids != nil {
		i = t.all[i].kids.heap[0]
	}
	return i
}

func (t *tree) less(a, b uint32) bool {
	x, y := &t.all[a], &t.all[b]
	if x.turn != y.turn {
		return x.turn < y.turn
	}
	return x.order < y.order
}

func (t *tree) swap(h []uint32, i, j int) {
	h[i], h[j] = h[j], h[i]
	t.all[h[i]].place = uint32(i + 1)
	t.all[h[j]].place = uint32(j + 1)
}

func (t *tree) up(h []uint32, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.less(h[i], h[parent]) {
			return
		}
		t.swap(h, i, parent)
		i = parent
	}
}

func (t *tree) down(h []uint32, i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if t.less(h[c], h[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		t.swap(h, i, least)
		i = least
	}
}

// arrange puts a node where it belongs in a heap: open or not, in its order.
func (t *tree) arrange(h *[]uint32, i uint32, open bool) {
	n := &t.all[i]
	switch at := int(n.place) - 1; {
	case open && at < 0:
		*h = append(*h, i)
		n.place = uint32(len(*h))
		t.up(*h, len(*h)-1)
	case open:
		t.up(*h, at)
		t.down(*h, int(n.place)-1)
	case at >= 0:
		last := len(*h) - 1
		if at != last {
			t.swap(*h, at, last)
		}
		*h = (*h)[:last]
		n.place = 0
		if at != last {
			moved := (*h)[at]
			t.up(*h, at)
			t.down(*h, int(t.all[moved].place)-1)
		}
	}
}
