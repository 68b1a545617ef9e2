package store

// arenaSlab is the size of an arena's pieces in bytes, and arenaKept how many of them outlive a commit.
const (
	arenaSlab = 1 << 20
	arenaKept = 8
)

// arena hands out the memory of one transaction's values: bbolt keeps pointers to them until the commit, after which
// all are given back at once.
type arena struct {
	slabs [][]byte
	slab  int // the one that is being filled
	used  int // bytes of it
}

// make returns n bytes of undefined content.
func (a *arena) make(n int) []byte {
	if n > arenaSlab/4 {
		return make([]byte, n)
	}
	if a.slab < len(a.slabs) && a.used+n > arenaSlab {
		a.slab, a.used = a.slab+1, 0
	}
	if a.slab == len(a.slabs) {
		a.slabs = append(a.slabs, make([]byte, arenaSlab))
	}
	b := a.slabs[a.slab][a.used : a.used+n : a.used+n]
	a.used += n
	return b
}

// reset takes all memory back.
func (a *arena) reset() {
	if len(a.slabs) > arenaKept {
		clear(a.slabs[arenaKept:])
		a.slabs = a.slabs[:arenaKept]
	}
	a.slab, a.used = 0, 0
}
