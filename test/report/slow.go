package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	// slowSeconds is from where on a test is slow.
	slowSeconds = 5
	// slowest is how many slow ones are named.
	slowest = 20
)

// timed is how long a test took.
type timed struct {
	name    testName
	seconds float64
}

// time notes a test, but not its parts.
func (r *report) time(name testName, seconds float64) {
	if seconds >= slowSeconds && !strings.Contains(name.test, "/") {
		r.slow = append(r.slow, timed{name, seconds})
	}
}

// showSlowest names the tests to look at when all of them take too long.
func (r *report) showSlowest() {
	slices.SortStableFunc(r.slow, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, t := range r.slow[:min(len(r.slow), slowest)] {
		fmt.Fprintf(r.out, "--- SLOW: %.1f s %s %s\n", t.seconds, t.name.pkg, t.name.test)
	}
}
