package task

import "slices"

const (
	pageBits = 4
	pageSize = 1 << pageBits
)

// index finds a task's slot by its ID and lists tasks in the order of their IDs. As IDs are handed out in order, it is
// a sorted array of pages of 16 neighbouring IDs that grows at its end: about five bytes a task where IDs are dense.
type index struct {
	bases []uint64 // ID >> pageBits of each page, ascending
	pages []indexPage
	empty int // pages without a task
}

type indexPage struct {
	slots [pageSize]slot
	used  uint32
}

// page returns the place of the first page that isn't before base. A page is mostly where it would be if no page were
// missing, so that guess is tried first.
func (x *index) page(base uint64) (int, bool) {
	n := len(x.bases)
	if n == 0 || base > x.bases[n-1] {
		return n, false
	}
	if base <= x.bases[0] {
		return 0, base == x.bases[0]
	}
	if g := base - x.bases[0]; g < uint64(n) && x.bases[g] == base {
		return int(g), true
	}
	if g := x.bases[n-1] - base; g < uint64(n) && x.bases[uint64(n-1)-g] == base {
		return n - 1 - int(g), true
	}
	return slices.BinarySearch(x.bases, base)
}

func (x *index) get(id ID) slot {
	i, ok := x.page(uint64(id) >> pageBits)
	if !ok {
		return 0
	}
	return x.pages[i].slots[id&(pageSize-1)]
}

func (x *index) put(id ID, s slot) {
	base := uint64(id) >> pageBits
	i, ok := x.page(base)
	if !ok {
		x.bases = slices.Insert(x.bases, i, base)
		x.pages = slices.Insert(x.pages, i, indexPage{})
	} else if x.pages[i].used == 0 {
		x.empty--
	}
	x.pages[i].slots[id&(pageSize-1)] = s
	x.pages[i].used++
}

// reserve makes the pages of IDs that are missing, in one pass.
func (x *index) reserve(ids []ID) {
	var missing []uint64
	for _, id := range ids {
		if _, ok := x.page(uint64(id) >> pageBits); !ok {
			missing = append(missing, uint64(id)>>pageBits)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	i, j := len(x.bases)-1, len(missing)-1
	x.bases = append(x.bases, missing...)
	x.pages = append(x.pages, make([]indexPage, len(missing))...)
	x.empty += len(missing)
	for k := i + j + 1; j >= 0; k-- { // from the end, so that nothing is overwritten
		if i >= 0 && x.bases[i] > missing[j] {
			x.bases[k], x.pages[k] = x.bases[i], x.pages[i]
			i--
		} else {
			x.bases[k], x.pages[k] = missing[j], indexPage{}
			j--
		}
	}
}

func (x *index) remove(id ID) {
	i, ok := x.page(uint64(id) >> pageBits)
	if !ok {
		return
	}
	p := &x.pages[i]
	p.slots[id&(pageSize-1)] = 0
	if p.used--; p.used == 0 {
		x.empty++
		if x.empty > 64 && x.empty > len(x.pages)/2 {
			x.compact()
		}
	}
}

// compact drops the empty pages; amortized over the removals that emptied them.
func (x *index) compact() {
	n := 0
	for i := range x.pages {
		if x.pages[i].used > 0 {
			x.bases[n], x.pages[n] = x.bases[i], x.pages[i]
			n++
		}
	}
	x.bases, x.pages, x.empty = slices.Clip(x.bases[:n]), slices.Clip(x.pages[:n]), 0
	if n < cap(x.pages)/2 {
		x.bases, x.pages = slices.Clone(x.bases), slices.Clone(x.pages)
	}
}

// after calls fn for every task above the ID, in order, until fn returns false.
func (x *index) after(id ID, fn func(slot) bool) {
	if id == ^ID(0) {
		return
	}
	from := id + 1
	i, _ := x.page(uint64(from) >> pageBits)
	for ; i < len(x.pages); i++ {
		p, base := &x.pages[i], x.bases[i]<<pageBits
		for k, s := range p.slots {
			if s != 0 && base+uint64(k) >= uint64(from) && !fn(s) {
				return
			}
		}
	}
}
