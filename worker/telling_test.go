package worker

import (
	"slices"
	"testing"
)

// An hour without servers doesn't fill the log.
func TestTelling(t *testing.T) {
	var told []int
	for attempt := range 200 {
		if telling(attempt) {
			told = append(told, attempt)
		}
	}
	if want := []int{0, 1, 2, 4, 8, 16, 32, 64, 128, 192}; !slices.Equal(told, want) {
		t.Errorf("told of the attempts %v, not %v", told, want)
	}
}
