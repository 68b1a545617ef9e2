package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// verdict is what became of a planted fault. Only caught is good.
type verdict string

const (
	caught    verdict = "caught"
	missed    verdict = "MISSED"         // the test passes with the fault
	unfit     verdict = "DOES NOT APPLY" // the source has moved on: write the patch anew
	unbuilt   verdict = "DOES NOT BUILD"
	untested  verdict = "NO SUCH TEST"
	unhealthy verdict = "TEST FAILS WITHOUT IT"
)

// plantAll plants each fault in the tree and writes a line for each. It returns an error unless all are caught.
func plantAll(ctx context.Context, out io.Writer, tree string, faults []fault) error {
	healthy := map[string]bool{} // tests that pass without a fault, by their arguments
	bad := 0
	for _, f := range faults {
		start := time.Now()
		v, detail := plant(ctx, tree, f, healthy)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(out, "%-21s %6.1fs  %-40s %s\n", v, time.Since(start).Seconds(), f.name, f.rule)
		if v != caught {
			bad++
			fmt.Fprintf(out, "    go test %s\n    %s\n", strings.Join(f.test, " "), strings.Join(lastLines(detail), "\n    "))
		}
	}
	fmt.Fprintf(out, "%d of %d planted faults caught\n", len(faults)-bad, len(faults))
	if bad > 0 {
		return fmt.Errorf("%d planted faults were not caught", bad)
	}
	return nil
}

// detailLines is how much is shown of the output of a test that should have failed, or shouldn't.
const detailLines = 15

func lastLines(text string) []string {
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-detailLines):]
}

// plant runs the fault's test without and with it.
func plant(ctx context.Context, tree string, f fault, healthy map[string]bool) (verdict, string) {
	key := strings.Join(f.test, " ")
	if !healthy[key] {
		passed, output := goTest(ctx, tree, f.test)
		switch {
		case strings.Contains(output, "no tests to run") || strings.Contains(output, "no test files"):
			return untested, output
		case !passed:
			return unhealthy, output
		}
		healthy[key] = true
	}
	if err := apply(ctx, tree, f); err != nil {
		return unfit, err.Error()
	}
	passed, output := goTest(ctx, tree, f.test)
	if err := apply(ctx, tree, f, "--reverse"); err != nil {
		return unfit, err.Error()
	}
	switch {
	case passed:
		return missed, output
	case strings.Contains(output, "[build failed]") || strings.Contains(output, "[setup failed]"):
		return unbuilt, output
	}
	return caught, ""
}

// goTest reports whether the test passes, and its output.
func goTest(ctx context.Context, tree string, args []string) (bool, string) {
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-trimpath", "-vet=off", "-timeout=2m"}, args...)...)
	command.Dir = tree
	out, err := command.CombinedOutput()
	return err == nil, strings.TrimSpace(string(out))
}
