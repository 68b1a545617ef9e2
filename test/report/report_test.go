package main

import (
	"strings"
	"testing"
)

const passing = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestOne"}
{"Action":"output","Package":"m/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"m/a","Test":"TestOne","Output":"chatter\n"}
{"Action":"pass","Package":"m/a","Test":"TestOne","Elapsed":0.01}
{"Action":"output","Package":"m/a","Output":"PASS\n"}
{"Action":"output","Package":"m/a","Output":"ok  \tm/a\t0.012s\n"}
{"Action":"pass","Package":"m/a","Elapsed":0.012}
`

const skipping = `{"Action":"output","Package":"m/b","Test":"TestDisk/loop","Output":"=== RUN   TestDisk/loop\n"}
{"Action":"output","Package":"m/b","Test":"TestDisk/loop","Output":"    disk_test.go:9: no loop devices here\n"}
{"Action":"output","Package":"m/b","Test":"TestDisk/loop","Output":"--- SKIP: TestDisk/loop (0.00s)\n"}
{"Action":"skip","Package":"m/b","Test":"TestDisk/loop"}
{"Action":"pass","Package":"m/b"}
`

const failing = `{"Action":"output","Package":"m/c","Test":"TestBad","Output":"    bad_test.go:3: it broke\n"}
{"Action":"fail","Package":"m/c","Test":"TestBad"}
{"Action":"output","Package":"m/c","Output":"FAIL\tm/c\t0.1s\n"}
{"Action":"fail","Package":"m/c"}
`

const panicking = `{"Action":"output","Package":"m/d","Test":"TestDies","Output":"panic: gone\n"}
{"Action":"output","Package":"m/d","Output":"FAIL\tm/d\t0.1s\n"}
{"Action":"fail","Package":"m/d"}
`

const unbuilt = `{"ImportPath":"m/e","Action":"build-output","Output":"e.go:1:1: expected 'package'\n"}
{"ImportPath":"m/e","Action":"build-fail"}
{"Action":"fail","Package":"m/e","FailedBuild":"m/e"}
`

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name, input, allowed string
		err                  string // part of the error; empty: none
		shows, hides         []string
	}{
		{name: "a passing package is its closing line", input: passing,
			shows: []string{"ok  \tm/a\t0.012s", "1 tests passed"}, hides: []string{"chatter", "PASS\n"}},
		{name: "an unlisted skip fails", input: passing + skipping,
			err: "1 tests were skipped", shows: []string{"TestDisk/loop", "no loop devices here"}},
		{name: "a listed skip passes, subtests with it", input: passing + skipping, allowed: "m/b TestDisk needs a loop device",
			shows: []string{"TestDisk/loop", "needs a loop device"}},
		{name: "another package's entry does not count", input: passing + skipping, allowed: "m/a TestDisk needs a loop device",
			err: "1 tests were skipped"},
		{name: "a failure shows its output", input: passing + failing,
			err: "failed", shows: []string{"it broke", "FAIL\tm/c", "--- FAIL: m/c TestBad"}},
		{name: "a panic shows the test it was in", input: passing + panicking, err: "failed", shows: []string{"panic: gone"}},
		{name: "a broken build shows why", input: passing + unbuilt, err: "failed", shows: []string{"expected 'package'"}},
		{name: "what is slow is named, without what it is made of", input: strings.ReplaceAll(passing, "0.01}", "7.25}") +
			`{"Action":"pass","Package":"m/a","Test":"TestOne/part","Elapsed":9}` + "\n",
			shows: []string{"--- SLOW: 7.2 s m/a TestOne\n"}, hides: []string{"9.0 s"}},
		{name: "what is quick is not named", input: passing, hides: []string{"SLOW"}},
		{name: "nothing is not success", input: "", err: "no test ran"},
		{name: "what is no event is shown", input: "go: no such package\n" + passing, shows: []string{"go: no such package"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			allowed, err := readAllowed(strings.NewReader(c.allowed))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(c.input)); err != nil {
				t.Fatal(err)
			}
			err = r.close(allowed)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			for _, s := range c.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("output lacks %q:\n%s", s, out.String())
				}
			}
			for _, s := range c.hides {
				if strings.Contains(out.String(), s) {
					t.Errorf("output has %q:\n%s", s, out.String())
				}
			}
		})
	}
}

func TestAllowedNeedsReason(t *testing.T) {
	if _, err := readAllowed(strings.NewReader("# fine\n\nm/b TestDisk\n")); err == nil {
		t.Error("an entry without a reason was taken")
	}
}
