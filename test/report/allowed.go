package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// testName names a test within its package.
type testName struct{ pkg, test string }

// allowedSkips has the reason for each test that may be skipped.
type allowedSkips map[testName]string

// readAllowed reads one test a line: package, test, reason. Empty lines and those that begin with # are passed over.
func readAllowed(from io.Reader) (allowedSkips, error) {
	allowed := allowedSkips{}
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d: want package, test and reason, got %q", n, line)
		}
		allowed[testName{fields[0], fields[1]}] = strings.Join(fields[2:], " ")
	}
	return allowed, lines.Err()
}

// reason returns why a test may be skipped. A test's entry covers its subtests.
func (a allowedSkips) reason(name testName) (string, bool) {
	for {
		if why, ok := a[name]; ok {
			return why, true
		}
		cut := strings.LastIndexByte(name.test, '/')
		if cut < 0 {
			return "", false
		}
		name.test = name.test[:cut]
	}
}
