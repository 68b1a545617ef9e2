package rules

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// examples are those of all alerts.
var examples = slices.Concat(healthExamples, taskExamples, resourceExamples, backupExamples)

// TestAlerts: each alert fires on series that should make it fire, from the moment on at which it should, alone, and says what it
// is meant to; series that just don't should leave all alerts quiet.
func TestAlerts(t *testing.T) {
	for _, e := range examples {
		e.every, e.length = max(e.every, 30*time.Second), max(e.length, 30*time.Minute)
		t.Run(e.alert, func(t *testing.T) {
			evaluate(t, e.fires, e.every, e.length, e.onTime(t))
			for i, series := range e.quiet {
				evaluate(t, series, e.every, e.length, quiet(t, fmt.Sprintf("quiet series %d", i+1)))
			}
		})
	}
}

// onTime checks that the alert fires when it should.
func (e example) onTime(t *testing.T) func(time.Duration, firing) {
	return func(at time.Duration, f firing) {
		own := f[e.alert]
		delete(f, e.alert)
		quiet(t, "series that make "+e.alert+" fire")(at, f)
		if fires := len(own) > 0; fires != (at >= e.after) {
			t.Fatalf("after %s it fires: %t; want it to from %s on", at, fires, e.after)
		}
		if at != e.after {
			return
		}
		if len(own) != 1 || own[0].Annotations.Get("summary") != e.says {
			t.Errorf("it says %+v, want %q", own, e.says)
		}
	}
}

// quiet checks that nothing fires.
func quiet(t *testing.T, what string) func(time.Duration, firing) {
	return func(at time.Duration, f firing) {
		for _, name := range slices.Sorted(maps.Keys(f)) {
			t.Fatalf("%s: after %s %s fires: %s", what, at, name, f[name][0].Annotations.Get("summary"))
		}
	}
}

// TestExamples: every alert has an example, a severity and a page of the runbook.
func TestExamples(t *testing.T) {
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	file, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), promslog.NewNopLogger())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var there []string
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			if r.Alert == "" {
				continue
			}
			there = append(there, r.Alert)
			if s := r.Labels["severity"]; s != "critical" && s != "warning" || r.Annotations["runbook"] == "" {
				t.Errorf("%s: severity %q, runbook %q", r.Alert, s, r.Annotations["runbook"])
			}
		}
	}
	var have []string
	for _, e := range examples {
		have = append(have, e.alert)
	}
	slices.Sort(there)
	slices.Sort(have)
	if !slices.Equal(there, have) {
		t.Errorf("the file has the alerts %q, the examples are of %q", there, have)
	}
}
