package filter

import (
	"strings"
	"testing"
)

// TestLongest: a filter may be as long as the bound says, and one byte more is too much.
func TestLongest(t *testing.T) {
	const frame = `queue == ""`
	longest := `queue == "` + strings.Repeat("x", MaxText-len(frame)) + `"`
	if _, err := Compile(longest); err != nil {
		t.Errorf("%d bytes: %v", len(longest), err)
	}
	if _, err := Compile(longest + " "); err == nil {
		t.Errorf("%d bytes are taken", len(longest)+1)
	}
	many := strings.TrimSuffix(strings.Repeat(`id == "0000000000001" || `, MaxText/25), " || ")
	if _, err := Compile(many); err != nil {
		t.Errorf("%d alternatives: %v", MaxText/25, err)
	}
}
