package runbook

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// rules are Prometheus' file of rules, as far as they are looked at.
type rules struct {
	Groups []struct {
		Rules []struct {
			Alert, Record, Expr string
			Annotations         map[string]string
		}
	}
}

var (
	metricName    = regexp.MustCompile(`\b(?:rowlock|api|task|go|process)_[a-z_]+\b`)
	histogramPart = regexp.MustCompile(`_(?:bucket|sum|count)$`)
)

// TestAlerts: the rules ask for metrics that there are, and name pages that there are; the page of alerts tells of each.
func TestAlerts(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "deploy", "prometheus", "rowlock.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all rules
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	metrics := read(t, filepath.Join(root, "docs", "METRICS.md"))
	page := read(t, filepath.Join(root, "docs", "runbook", "alerts.md"))
	alerts := 0
	for _, group := range all.Groups {
		for _, r := range group.Rules {
			for _, name := range metricName.FindAllString(r.Expr, -1) {
				listed := strings.Contains(metrics, "`"+name+"`") || strings.Contains(metrics, "`"+histogramPart.ReplaceAllString(name, "")+"`")
				if !listed && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && !strings.Contains(r.Expr, ":"+name+":") {
					t.Errorf("%s%s asks for %s, which docs/METRICS.md doesn't list", r.Alert, r.Record, name)
				}
			}
			if r.Alert == "" {
				continue
			}
			alerts++
			if _, err := os.Stat(filepath.Join(root, r.Annotations["runbook"])); err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
			if !strings.Contains(page, "`"+r.Alert+"`") {
				t.Errorf("docs/runbook/alerts.md doesn't tell of %s", r.Alert)
			}
		}
	}
	if alerts < 10 {
		t.Errorf("only %d alerts were found", alerts)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

// TestLinks: the pages name files that there are.
func TestLinks(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "runbook", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, match := range link.FindAllStringSubmatch(read(t, file), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), match[1])); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
