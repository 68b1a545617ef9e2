package main

import "testing"

func TestHeapGrowth(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 64 << 20: 100, 200 << 20: 32, 4 << 30: 20} {
		if got := (&heap{live: live}).percent(); got != want {
			t.Errorf("%d bytes live: %d%%, want %d%%", live, got, want)
		}
	}
}

func TestMemoryIsGivenBackAtRest(t *testing.T) {
	var h heap
	allocated := uint64(0)
	for i, c := range []struct {
		allocates uint64
		want      bool
	}{
		{1 << 30, false}, {1 << 20, false}, {1 << 20, false}, {1 << 20, true}, // busy, then at rest
		{1 << 20, false}, {1 << 20, false}, {1 << 20, false}, // given back
		{1 << 29, false}, {0, false}, {1 << 29, false}, {0, false}, {0, false}, {0, true},
	} {
		allocated += c.allocates
		h.see(100<<20, allocated)
		if got := h.atRest(); got != c.want {
			t.Errorf("look %d: %v, want %v", i, got, c.want)
		} else if got {
			h.released = h.allocated
		}
	}
}

func TestByteSizes(t *testing.T) {
	for text, want := range map[string]byteSize{"0": 0, "12": 12, "12B": 12, "4KiB": 4096, "256MiB": 256 << 20, "2 GiB": 2 << 30} {
		var got byteSize
		if err := got.Set(text); got != want || err != nil {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5GiB", "9999999999999TiB", "GiB"} {
		var got byteSize
		if err := got.Set(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}
