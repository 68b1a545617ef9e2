package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestPlaceKeys ends what a killed run began with the keys of that run: one of them may be in use already.
func TestPlaceKeys(t *testing.T) {
	dir := t.TempDir()
	keys := func(of string) []keyFile { return []keyFile{{"public", of}, {"private", of}} }
	check := func(want string) {
		t.Helper()
		for _, name := range []string{"public", "private"} {
			if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
				t.Errorf("%s is of %q, %v", name, got, err)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
			t.Errorf("there are %v, %v", entries, err)
		}
	}
	// Killed while it wrote: nobody has seen those keys.
	if err := errors.Join(os.Mkdir(filepath.Join(dir, keysBegun), 0o700), writeNew(filepath.Join(dir, keysBegun, "public"), "dead")); err != nil {
		t.Fatal(err)
	}
	if resumed, err := placeKeys(dir, keys("first")); resumed || err != nil {
		t.Fatal(resumed, err)
	}
	check("first")
	var refused *exitError
	if _, err := placeKeys(dir, keys("second")); !errors.As(err, &refused) || refused.code != exitRefused {
		t.Errorf("over keys that are there: %v", err)
	}
	check("first")
	// Killed between the moves.
	if err := errors.Join(os.Mkdir(filepath.Join(dir, keysWhole), 0o700), os.Rename(filepath.Join(dir, "public"), filepath.Join(dir, keysWhole, "public"))); err != nil {
		t.Fatal(err)
	}
	if resumed, err := placeKeys(dir, keys("third")); !resumed || err != nil {
		t.Error(resumed, err)
	}
	check("first")
}
