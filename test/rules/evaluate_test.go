package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// rulesFile is what is tested.
const rulesFile = "../../deploy/prometheus/rowlock.rules.yaml"

// start is the Unix time at which all series begin, in seconds.
const start = 1_800_000_000

// firing are the alerts that fire at a moment, by name.
type firing map[string][]*rules.Alert

// evaluate loads series, in the notation of Prometheus' tests (`metric{label="x"} 0+1x10`) with one sample for each interval, and
// evaluates the rules as often until the end of so much time. It tells see of each evaluation.
func evaluate(t *testing.T, series string, interval, length time.Duration, see func(at time.Duration, f firing)) {
	t.Helper()
	p := parser.NewParser(parser.Options{})
	suite, err := promqltest.NewLazyLoader(fmt.Sprintf("load %s\n%s", interval, strings.TrimSpace(series)), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p, StartTime: time.Unix(start, 0),
	})
	if err != nil {
		t.Fatalf("the test's series: %v", err)
	}
	defer func() {
		if err := suite.Close(); err != nil {
			t.Error(err)
		}
	}()
	suite.SubqueryInterval = interval
	groups, errs := manager(suite, p).LoadGroups(interval, labels.EmptyLabels(), "", nil, false, rulesFile)
	if len(errs) > 0 {
		t.Fatal(errors.Join(errs...))
	}
	for _, alert := range alerting(groups) {
		alert.SetRestored(true) // else it waits for the state of an earlier run
	}
	for at := time.Duration(0); at <= length; at += interval {
		now := time.Unix(start, 0).Add(at)
		suite.WithSamplesTill(now, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				g.Eval(suite.Context(), now)
				for _, r := range g.Rules() {
					if r.LastError() != nil {
						t.Fatalf("%s after %s: %v", r.Name(), at, r.LastError())
					}
				}
			}
			see(at, firingNow(groups))
		})
	}
}

// manager evaluates over the suite's storage and notifies nobody.
func manager(suite *promqltest.LazyLoader, p parser.Parser) *rules.Manager {
	return rules.NewManager(&rules.ManagerOptions{
		QueryFunc:    rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		AppendableV2: suite.Storage(),
		Context:      suite.Context(),
		NotifyFunc:   func(context.Context, string, ...*rules.Alert) {},
		Logger:       promslog.NewNopLogger(),
		Parser:       p,
	})
}

// alerting are the rules of groups that alert.
func alerting(groups map[string]*rules.Group) (list []*rules.AlertingRule) {
	for _, g := range groups {
		list = append(list, g.AlertingRules()...)
	}
	return list
}

func firingNow(groups map[string]*rules.Group) firing {
	f := firing{}
	for _, r := range alerting(groups) {
		for _, a := range r.ActiveAlerts() {
			if a.State == rules.StateFiring {
				f[r.Name()] = append(f[r.Name()], a)
			}
		}
	}
	return f
}
