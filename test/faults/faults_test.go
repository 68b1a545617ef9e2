package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerdicts plants the faults of the module in testdata, each of which ends in its own way.
func TestVerdicts(t *testing.T) {
	module := filepath.Join("testdata", "module")
	faults, err := readFaults(filepath.Join(module, "patches"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := copyTree(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tree)
	want := []verdict{caught, missed, unfit, unbuilt, untested, unhealthy}
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d", len(faults), len(want))
	}
	healthy := map[string]bool{}
	for i, f := range faults {
		if v, detail := plant(t.Context(), tree, f, healthy); v != want[i] {
			t.Errorf("%s: %s, want %s\n%s", f.name, v, want[i], detail)
		}
	}
	source, err := os.ReadFile(filepath.Join(tree, "sum.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), "return a + b") {
		t.Errorf("a patch was left in the tree:\n%s", source)
	}

	var out strings.Builder
	if err := plantAll(t.Context(), &out, tree, faults); err == nil {
		t.Error("no error though faults were missed")
	}
	if !strings.Contains(out.String(), "1 of 6 planted faults caught") {
		t.Error(out.String())
	}
	if err := plantAll(t.Context(), &out, tree, faults[:1]); err != nil {
		t.Errorf("an error though all were caught: %v", err)
	}
}

// TestPatches shows that every patch of this module still applies, without running what it breaks.
func TestPatches(t *testing.T) {
	faults, err := readFaults("patches")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		if err := apply(t.Context(), root, f, "--check"); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

func TestHeader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "001-x.patch")
	if err := os.WriteFile(path, []byte("Rule: one\n\ndiff --git a/x b/x\nTest: too late\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readFault(path); err == nil {
		t.Error("a header without a test was taken")
	}
}
