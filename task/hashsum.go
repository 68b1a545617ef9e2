package task

// hashed is a record that has a part of its own in the state hash.
type hashed interface {
	part() *hashPart
	// hashNow is the record's part as it is now.
	hashNow(m *Machine) uint64
}

// hashPart is what a hashSum keeps with each record.
type hashPart struct {
	hash  uint64 // as of the last hashing
	stale bool   // it changed since
	gone  bool
}

func (p *hashPart) part() *hashPart { return p }

// hashSum is the part of a kind of records in the state hash: the sum of theirs. What it costs follows from what changed.
type hashSum struct {
	sum   uint64
	stale []hashed
}

// changed notes that a record is to be hashed again. It comes with every change, and with a new record.
func (s *hashSum) changed(x hashed) {
	if p := x.part(); !p.stale {
		p.stale = true
		s.stale = append(s.stale, x)
	}
}

// drop takes a record off the sum, which changes no more.
func (s *hashSum) drop(x hashed) {
	p := x.part()
	s.sum -= p.hash
	p.hash, p.gone = 0, true
}

// take brings the sum up to date.
func (s *hashSum) take(m *Machine) uint64 {
	for i, x := range s.stale {
		s.stale[i] = nil
		p := x.part()
		if p.stale = false; p.gone {
			continue
		}
		h := x.hashNow(m)
		s.sum += h - p.hash
		p.hash = h
	}
	s.stale = s.stale[:0]
	return s.sum
}
