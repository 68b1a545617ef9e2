package arrows

import (
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, dir string) []Package {
	t.Helper()
	packages, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// check runs every check on the packages.
func check(t *testing.T, packages []Package) []string {
	t.Helper()
	broken := append(Imports(packages), Links(packages)...)
	for _, source := range []func([]Package) ([]string, error){Purity, Smells} {
		found, err := source(packages)
		if err != nil {
			t.Fatal(err)
		}
		broken = append(broken, found...)
	}
	return broken
}

func TestModule(t *testing.T) {
	packages := load(t, filepath.Join("..", ".."))
	if len(packages) < 5 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	for _, broken := range check(t, packages) {
		t.Error(broken)
	}
}

// TestPlanted shows that every check can fail: the module in testdata breaks each of them once.
func TestPlanted(t *testing.T) {
	want := []string{
		"m/store imports m/rpc: no arrow runs from store to rpc",
		"m/client imports m/raftfsm: no arrow runs from client to raftfsm", // in a test file
		"m/helpers: \"helpers\" is no room of the design",
		"m/raftfsm imports m/test/fake: no arrow runs from raftfsm to test",
		"m/worker links go.etcd.io/bbolt",
		"m/task imports os: the core is pure",
		"m/task imports sync/atomic: the core is pure",
		"clock.go:12:31: time.Now: the core reads no clock",
		"clock.go:15:18: float64",
		"clock.go:20:2: go: the core starts no goroutine",
		"clock.go:19:19: chan",
		"exit.go:6:16: os.Exit outside of a program",
		"sleep_test.go:10:2: time.Sleep in a test",
		"long.go: 501 lines, more than 500",
	}
	found := check(t, load(t, filepath.Join("testdata", "planted")))
	for _, w := range want {
		matches := 0
		for _, f := range found {
			if strings.Contains(f, w) {
				matches++
			}
		}
		if matches != 1 {
			t.Errorf("%q was found %d times", w, matches)
		}
	}
	if len(found) != len(want) {
		t.Errorf("found %d violations, want %d:\n%s", len(found), len(want), strings.Join(found, "\n"))
	}
}
