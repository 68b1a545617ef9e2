package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// tally counts what was done, and calls that failed.
type tally struct {
	mu       sync.Mutex // guards what follows
	done     map[string]int
	failures map[string]int
}

func newTally() *tally { return &tally{done: map[string]int{}, failures: map[string]int{}} }

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[what]++
}

// failed counts a call of the load whose outcome isn't known or that was refused.
func (t *tally) failed(what string, err error) {
	text := err.Error()
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures[what+": "+text]++
}

// print writes the counts.
func (t *tally) print(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(t.done)) {
		fmt.Fprintf(w, "  %6d %s\n", t.done[what], what)
	}
	if len(t.failures) == 0 {
		return
	}
	fmt.Fprintln(w, "Calls of the load that weren't acknowledged, which is allowed:")
	list := slices.SortedFunc(maps.Keys(t.failures), func(a, b string) int { return t.failures[b] - t.failures[a] })
	for _, what := range list[:min(len(list), 8)] {
		fmt.Fprintf(w, "  %6d %s\n", t.failures[what], what)
	}
}
