package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is a line of `go test -json`; see `go doc test2json` and `go help buildjson`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

// report collects what ran.
type report struct {
	out      io.Writer
	output   map[testName][]string // of what hasn't ended; the test "" is the package itself
	skipped  []testName
	why      map[testName]string // what a skipped test said
	failed   []string            // packages and tests
	passed   int
	packages int
	slow     []timed
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[testName][]string{}, why: map[testName]string{}}
}

// read takes events until the input ends. Lines that are no events are shown as they are.
func (r *report) read(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, "{") {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil {
				r.add(e)
				line = ""
			}
		}
		fmt.Fprint(r.out, line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) add(e event) {
	name := testName{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.output[name] = append(r.output[name], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "build-fail":
		r.failed = append(r.failed, "build of "+e.ImportPath)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(name, e.Action)
		} else {
			r.endTest(name, e.Action)
			r.time(name, e.Elapsed)
		}
		delete(r.output, name)
	}
}

func (r *report) endTest(name testName, action string) {
	switch action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped = append(r.skipped, name)
		r.why[name] = skipReason(r.output[name])
	case "fail":
		r.failed = append(r.failed, name.pkg+" "+name.test)
		fmt.Fprint(r.out, strings.Join(r.output[name], ""))
	}
}

func (r *report) endPackage(name testName, action string) {
	switch action {
	case "pass":
		r.packages++
		for _, line := range r.output[name] {
			if strings.HasPrefix(line, "ok ") {
				fmt.Fprint(r.out, line)
			}
		}
	case "fail":
		r.packages++
		r.failed = append(r.failed, name.pkg)
		r.showUnended(name.pkg)
		fmt.Fprint(r.out, strings.Join(r.output[name], ""))
	}
}

// showUnended shows the output of tests that were running when their package died: a panic, or the time limit.
func (r *report) showUnended(pkg string) {
	for name, output := range r.output {
		if name.pkg == pkg && name.test != "" {
			fmt.Fprint(r.out, strings.Join(output, ""))
			delete(r.output, name)
		}
	}
}

// skipReason is the line that the test gave to t.Skip.
func skipReason(output []string) string {
	reason := ""
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			reason = line
		}
	}
	return reason
}

// close writes the summary. It returns an error if the run isn't good.
func (r *report) close(allowed allowedSkips) error {
	unlisted := 0
	for _, name := range r.skipped {
		why, ok := allowed.reason(name)
		if !ok {
			unlisted++
			why = "NOT IN THE LIST OF ALLOWED SKIPS"
		}
		fmt.Fprintf(r.out, "--- SKIP: %s %s: %s (%s)\n", name.pkg, name.test, r.why[name], why)
	}
	for _, name := range r.failed {
		fmt.Fprintf(r.out, "--- FAIL: %s\n", name)
	}
	r.showSlowest()
	fmt.Fprintf(r.out, "%d tests passed, %d skipped, in %d packages\n", r.passed, len(r.skipped), r.packages)
	switch {
	case len(r.failed) > 0:
		return fmt.Errorf("%d packages and tests failed", len(r.failed))
	case r.passed == 0:
		return errors.New("no test ran")
	case unlisted > 0:
		return fmt.Errorf("%d tests were skipped that the list of allowed skips doesn't name", unlisted)
	}
	return nil
}
