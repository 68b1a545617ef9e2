package runbook

import "testing"

// TestScript: of a guide the blocks of commands are executed, and nothing else.
func TestScript(t *testing.T) {
	const fence = "```"
	got, err := script("# Title\n<!-- setup: A=1 -->\n<!-- setup:\nB=2\n-->\n<!-- with: 0001=A -->\n" + fence + "sh\nget 0001 # why\n" + fence + "\n" +
		fence + "go\nx := 0001\n" + fence + "\n<!-- not executed: it would end the test -->\n" + fence + "sh\nexit 1\n" + fence + "\n" +
		fence + "sh\nlast\n" + fence + "\nEnd.")
	want := "\nA=1 \n\nB=2\n\n\n\nget $A # why\n\n\n\n\n\n\n\n\n\nlast\n\n"
	if err != nil || got != want {
		t.Errorf("%q, %v, not %q", got, err, want)
	}
	for _, bad := range []string{fence + "sh\nls", "<!-- setup:\nls", "<!-- with: 0001 -->\n"} {
		if got, err := script(bad); err == nil {
			t.Errorf("%q is taken, as %q", bad, got)
		}
	}
}
