package task

import "strings"

const (
	// requestTTL is how long a request's answer is remembered.
	requestTTL = 24 * 3600 * second
	// maxRequests is how many are remembered at most; the oldest go first.
	maxRequests = 1_000_000
	// maxRequestExpiry is how many one Tick forgets.
	maxRequestExpiry = 65_536
)

// requestLog remembers the answers to calls that carried an ID of their own, in order of arrival.
type requestLog struct {
	byID    map[string]uint64 // sequence
	entries []requestEntry    // entries[0] has sequence first
	first   uint64
	saved   uint64   // sequences below are, or are about to be, in the state file
	gone    []uint64 // sequences in the state file that are forgotten
}

type requestEntry struct {
	id    string
	at    Time
	code  Code
	items []byte
}

func newRequestLog() requestLog {
	return requestLog{byID: map[string]uint64{}, first: 1, saved: 1}
}

func (l *requestLog) next() (Time, bool) {
	if len(l.entries) == 0 {
		return 0, false
	}
	return after(l.entries[0].at, requestTTL), true
}

func (l *requestLog) add(e requestEntry) {
	l.byID[e.id] = l.first + uint64(len(l.entries))
	l.entries = append(l.entries, e)
	if len(l.entries) > maxRequests {
		l.drop()
	}
}

func (l *requestLog) drop() {
	delete(l.byID, l.entries[0].id)
	l.entries[0] = requestEntry{}
	l.entries = l.entries[1:]
	if l.first < l.saved {
		l.gone = append(l.gone, l.first)
	}
	l.first++
}

func (l *requestLog) expire(now Time) {
	for range maxRequestExpiry {
		if at, ok := l.next(); !ok || at > now {
			return
		}
		l.drop()
	}
}

// request executes a command, or returns the answer that its ID got before.
func (m *Machine) request(c *Request, want bool) Result {
	if seq, ok := m.requests.byID[c.ID]; ok {
		return m.recallRequest(&m.requests.entries[seq-m.requests.first], want)
	}
	res := m.execute(c.Command, want)
	if res.Code != ResolveAgain {
		e := requestEntry{id: strings.Clone(c.ID), at: m.now, code: res.Code, items: appendItems(nil, res.Items)}
		m.requests.add(e)
	}
	return res
}

func (m *Machine) recallRequest(e *requestEntry, want bool) Result {
	items, err := readItems(e.items)
	if err != nil {
		panic("task: a recorded answer in memory doesn't decode")
	}
	res := Result{Code: e.code, Items: items}
	if !want {
		return res
	}
	results := map[ID][]byte{}
	for _, it := range items { // of a lease: what is still leased
		if s := m.index.get(it.ID); it.State == Running && s != 0 && m.heldUnder(m.tasks.at(s), it.Other) {
			res.Leased = append(res.Leased, m.leased(m.tasks.at(s), results))
		}
	}
	return res
}
