package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/spf13/cobra"
)

// A server's heap is large and has few pointers: a collection costs little however much is live, while garbage costs
// memory that the machine's other programs could use. So the heap may grow by as much as it takes to collect rarely, and
// no more. What was measured is in docs/adr/0006.
const (
	// gcHeadroom is how many bytes the heap may grow between two collections, whatever is live.
	gcHeadroom = 64 << 20
	// gcLeast and gcMost bound that in percent of what is live.
	gcLeast = 20
	gcMost  = 400
	// tendPause lies between two looks at the heap.
	tendPause = time.Second
	// restBytes is how little is allocated in tendPause by a server at rest. What it doesn't use goes back to the system
	// after restLooks of that, when it has allocated restEvery since the last time: by then the state file has what the
	// heap kept for it.
	restBytes = 8 << 20
	restLooks = 3
	restEvery = 64 << 20
)

// memoryFlags tune the garbage collector of a server. Go's own GOGC and GOMEMLIMIT go before them.
type memoryFlags struct {
	p         *program
	gcPercent int
	limit     byteSize
}

func (p *program) memoryFlags(cmd *cobra.Command) *memoryFlags {
	m := &memoryFlags{p: p}
	cmd.Flags().IntVar(&m.gcPercent, "gc-percent", 0, "heap growth in percent that starts a garbage collection; 0 chooses by what is live")
	cmd.Flags().Var(&m.limit, "memory-limit", "memory that the garbage collector tries to stay within, such as 2GiB")
	settings(cmd.Flags(), "gc-percent", "memory-limit")
	return m
}

func (m *memoryFlags) check() error {
	if m.gcPercent != 0 && m.gcPercent < 10 {
		return usagef("--gc-percent %d: want 0 or at least 10", m.gcPercent)
	}
	return nil
}

// tend keeps the heap in order until ctx ends.
func (m *memoryFlags) tend(ctx context.Context) {
	if m.limit > 0 && m.p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(m.limit))
	}
	if m.p.getenv("GOGC") != "" {
		return
	}
	if m.gcPercent != 0 {
		debug.SetGCPercent(m.gcPercent)
		return
	}
	var h heap
	ticker := time.NewTicker(tendPause)
	defer ticker.Stop()
	for {
		h.look()
		if percent := h.percent(); percent != h.set {
			h.set = percent
			debug.SetGCPercent(percent)
		}
		if h.atRest() {
			debug.FreeOSMemory()
			h.released = h.allocated
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// heap is what is known of the heap at one look, and what was done about it.
type heap struct {
	live      uint64 // bytes that the last collection found in use
	allocated uint64 // bytes since the start
	released  uint64 // the same when memory was given back last
	quiet     int    // looks in a row at rest
	set       int    // the percentage
}

func (h *heap) look() {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	h.see(samples[0].Value.Uint64(), samples[1].Value.Uint64())
}

func (h *heap) see(live, allocated uint64) {
	if allocated-h.allocated < restBytes {
		h.quiet++
	} else {
		h.quiet = 0
	}
	h.live, h.allocated = live, allocated
}

// percent is how much the heap may grow between two collections.
func (h *heap) percent() int {
	if h.live == 0 {
		return gcMost
	}
	return int(min(max(gcHeadroom*100/h.live, gcLeast), gcMost))
}

// atRest reports whether there is memory to give back that nobody is about to ask for again.
func (h *heap) atRest() bool {
	return h.quiet >= restLooks && h.allocated-h.released > restEvery
}
