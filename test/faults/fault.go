package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// fault is one patch and the test that must catch it.
type fault struct {
	name string
	path string // of the patch, absolute
	rule string
	test []string // arguments of go test
}

// readFaults reads the patches of a directory, in the order of their names.
func readFaults(dir string) ([]fault, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	faults := make([]fault, 0, len(paths))
	for _, path := range paths {
		f, err := readFault(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// readFault reads a patch's header: what stands before its first diff.
func readFault(path string) (fault, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fault{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return fault{}, err
	}
	defer file.Close()
	f := fault{name: strings.TrimSuffix(filepath.Base(path), ".patch"), path: absolute}
	lines := bufio.NewScanner(file)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "diff ") {
		key, value, _ := strings.Cut(lines.Text(), ":")
		switch key {
		case "Rule":
			f.rule = strings.TrimSpace(value)
		case "Test":
			f.test = strings.Fields(value)
		}
	}
	if f.rule == "" || len(f.test) == 0 {
		return f, fmt.Errorf("the header needs both Rule and Test")
	}
	return f, lines.Err()
}
