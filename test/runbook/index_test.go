package runbook

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// procedures are the headings of the runbook of the stack that Rowlock replaces.
var procedures = []string{
	"PostgreSQL Vacuum", "Index Maintenance", "Log Rotation", "Backup Schedule", "Key Metrics to Monitor", "Setting Up Alerts",
	"Vertical Scaling", "Horizontal Scaling", "Handling Failed Tasks", "Recovering from Worker Node Failures",
	"Handling Database Connection Issues", "Complete System Restore", "Data Recovery", "Credential Rotation", "Security Auditing",
	"Database Optimization", "Worker Optimization",
}

// TestIndex: each procedure has a page, and each page is in the index.
func TestIndex(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "runbook")
	index := read(t, filepath.Join(dir, "README.md"))
	for _, p := range procedures {
		if !regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(p) + ` \| \[.+\]\(.+\.md\) \|$`).MatchString(index) {
			t.Errorf("README.md names no page for %q", p)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("README.md doesn't name %s", name)
		}
	}
}
