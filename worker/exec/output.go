package exec

// head keeps the first bytes that are written to it.
type head struct {
	limit int
	bytes []byte
	lost  int // bytes that there was no room for
}

// Write takes everything, so that the program isn't held up, and keeps what there is room for.
func (h *head) Write(p []byte) (int, error) {
	room := min(len(p), h.limit-len(h.bytes))
	h.bytes = append(h.bytes, p[:room]...)
	h.lost += len(p) - room
	return len(p), nil
}

// tail keeps the last bytes that are written to it.
type tail struct {
	limit int
	bytes []byte
}

// Write takes everything, and forgets what came first.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if n > t.limit {
		p = p[n-t.limit:]
	}
	if over := len(t.bytes) + len(p) - t.limit; over > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[over:]...)
	}
	t.bytes = append(t.bytes, p...)
	return n, nil
}
