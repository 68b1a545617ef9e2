package runbook

import (
	"strings"
	"testing"
)

const whole = "# A page\n<!-- setup: a\nb -->\n```console\n$ one \\\n  more\n<ID>  x\n$ kubectl get pods\nNAME\n$ two\n```\n<!-- exit: 4 -->\n<!-- check: c -->\n"

func TestParse(t *testing.T) {
	p, err := Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 2 || p.Steps[0].Setup != "a\nb" || len(p.Kubectl) != 1 {
		t.Fatalf("%+v", p)
	}
	s := p.Steps[1]
	if len(s.Commands) != 2 || s.Commands[0].Text != "one \\\n  more" || s.Commands[0].Output[0] != "<ID>  x" || s.Commands[1].Exit != 4 || s.Checks[0] != "c" {
		t.Errorf("%+v", s)
	}
}

// A page that would prove nothing is refused.
func TestParseRefuses(t *testing.T) {
	for want, text := range map[string]string{
		"nothing is checked":     "```console\n$ a\nb\n```\n",
		"says nothing of what":   "```console\n$ a\n```\n<!-- check: c -->\n",
		"nothing of what its":    "```console\n$ a\n…\n```\n<!-- check: c -->\n",
		"executed by nobody":     "```bash\na\n```\n",
		"output without":         "```console\na\n```\n",
		"has no end":             "```console\n$ a\n",
		"must be setup:":         "<!-- skip: this -->\n",
		"belongs behind a block": "<!-- check: c -->\n",
		"no exit code":           strings.Replace(whole, "exit: 4", "exit: x", 1),
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		want, got string
		ok        bool
		id        string
	}{
		{"ID  STATE\n<ID> done", "ID        STATE\n0001 done\n", true, "0001"},
		{"<ID> <ID>", "a a", true, "a"},
		{"<ID>\n<ID>", "a\nb", false, ""},
		{"for <duration> of <n>", "for 3m12s of 7", true, ""},
		{"for <duration>", "for ever", false, ""},
		{"a\n…\nz", "a\nb\nc\nz", true, ""},
		{"a\n…\nz", "a\nb", false, ""},
		{"a\n…", "a", true, ""},
		{"a", "a\nb", false, ""},
		{"a\nb", "a", false, ""},
		{"", "a", false, ""},
		{"x.y", "xzy", false, ""},
		{"<unheard>", "x", false, ""},
	} {
		names := map[string]string{}
		err := Match(strings.Split(test.want, "\n"), test.got, names)
		if (err == nil) != test.ok || names["ID"] != test.id && test.ok {
			t.Errorf("%q against %q: %v, names %v", test.want, test.got, err, names)
		}
	}
}
