package rpc

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/raftfsm"
)

// describer notes the names of all metrics, also of those that have no values yet.
type describer struct {
	*prometheus.Registry
	names map[string]bool
}

var describedName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (d describer) Register(c prometheus.Collector) error {
	all := make(chan *prometheus.Desc)
	go func() {
		c.Describe(all)
		close(all)
	}()
	for desc := range all {
		d.names[describedName.FindStringSubmatch(desc.String())[1]] = true
	}
	return d.Registry.Register(c)
}

func (d describer) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := d.Register(c); err != nil {
			panic(err)
		}
	}
}

// TestMetricsAreDocumented: docs/METRICS.md lists what a member exports, and nothing else.
func TestMetricsAreDocumented(t *testing.T) {
	exported := map[string]bool{}
	start(t, func(n *raftfsm.Config, c *Config) {
		d := describer{prometheus.NewRegistry(), exported}
		n.Registerer, c.Registerer, c.Gatherer = d, d, d
	})
	text, err := os.ReadFile("../docs/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (gauge|counter|histogram) \\|").FindAllSubmatch(text, -1) {
		name := string(row[1])
		if listed[name] {
			t.Errorf("docs/METRICS.md lists %s twice", name)
		}
		listed[name] = true
		if !exported[name] {
			t.Errorf("docs/METRICS.md lists %s, which a member doesn't export", name)
		}
	}
	for name := range exported {
		if !listed[name] {
			t.Errorf("docs/METRICS.md doesn't list %s", name)
		}
	}
	if len(exported) < 40 {
		t.Errorf("a member exports only %d metrics", len(exported))
	}
}
