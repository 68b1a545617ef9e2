package store

import (
	"strings"
	"testing"
)

func TestDivergence(t *testing.T) {
	dir := t.TempDir()
	if text, marked, err := Divergence(dir); marked || err != nil {
		t.Errorf("an empty directory: %q, %v", text, err)
	}
	for _, text := range []string{"at entry 7", "", strings.Repeat("x", maxDivergence+1)} {
		must(t, MarkDiverged(dir, text))
		want := text[:min(len(text), maxDivergence)]
		if got, marked, err := Divergence(dir); got != want || !marked || err != nil {
			t.Errorf("got %q, %v, %v, want %q", got, marked, err, want)
		}
	}
	if err := MarkDiverged(dir+"/missing", ""); err == nil {
		t.Error("no error though nothing could be written")
	}
}
