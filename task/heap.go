package task

// ordered is what a heap holds.
type ordered[T any] interface {
	*T
	before(other *T) bool
}

// heap is a binary heap, the first one at 0.
type heap[T any, P ordered[T]] []T

func (h *heap[T, P]) push(v T) {
	s := append(*h, v)
	i := len(s) - 1
	for i > 0 && P(&v).before(&s[(i-1)/2]) {
		s[i] = s[(i-1)/2]
		i = (i - 1) / 2
	}
	s[i] = v
	*h = s
}

func (h *heap[T, P]) pop() T {
	s := *h
	top, v := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	for i := 0; len(s) > 0; {
		c := 2*i + 1
		if c+1 < len(s) && P(&s[c+1]).before(&s[c]) {
			c++
		}
		if c >= len(s) || !P(&s[c]).before(&v) {
			s[i] = v
			break
		}
		s[i] = s[c]
		i = c
	}
	*h = s
	return top
}
