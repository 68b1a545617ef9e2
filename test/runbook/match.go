package runbook

import (
	"fmt"
	"regexp"
	"strings"
)

// placeholders are what stands for something that differs from run to run.
var placeholders = map[string]string{
	"time":     `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`,
	"duration": `[+-]?\d+(?:\.\d+)?(?:ns|µs|ms|s|m|h|d)(?:\d+(?:\.\d+)?(?:s|m|h))*`,
	"n":        `\d+`,
	"size":     `\d+(?:\.\d+)? ?(?:[KMGT]i?)?B(?:ytes)?`,
	"grade":    `ok|warning|bad`,
	"percent":  `\d+(?:\.\d+)?%`,
	"id":       `[0-9A-HJKMNP-TV-Z]{13}`,
	"word":     `\S+`,
	"text":     `.*`,
}

var placeholder = regexp.MustCompile(`<([A-Za-z][A-Za-z0-9_]*)>`)

// Match holds what was printed against what the page says, and adds the names in capitals that it finds to names.
func Match(want []string, got string, names map[string]string) error {
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if strings.TrimSpace(got) == "" {
		lines = nil
	}
	for len(want) > 0 && strings.TrimSpace(want[len(want)-1]) == "" {
		want = want[:len(want)-1]
	}
	return match(want, lines, names)
}

func match(want, got []string, names map[string]string) error {
	for i, line := range want {
		if strings.TrimSpace(line) == "…" {
			return matchLater(want[i+1:], got[i:], names)
		}
		if i >= len(got) {
			return fmt.Errorf("nothing more is printed, but the page says\n  %s", line)
		}
		if err := matchLine(line, got[i], names); err != nil {
			return err
		}
	}
	if len(got) > len(want) {
		return fmt.Errorf("the page doesn't say that this is printed:\n  %s", strings.Join(got[len(want):], "\n  "))
	}
	return nil
}

// matchLater finds the rest of the page's lines anywhere further on.
func matchLater(want, got []string, names map[string]string) error {
	if len(want) == 0 {
		return nil
	}
	var err error
	for i := range got {
		found := map[string]string{}
		for k, v := range names {
			found[k] = v
		}
		if err = match(want, got[i:], found); err == nil {
			for k, v := range found {
				names[k] = v
			}
			return nil
		}
	}
	return fmt.Errorf("this isn't printed behind …:\n  %s", strings.Join(want, "\n  "))
}

func matchLine(want, got string, names map[string]string) error {
	pattern, found, err := compile(want, names)
	if err != nil {
		return err
	}
	values := pattern.FindStringSubmatch(strings.TrimSpace(got))
	if values == nil {
		return fmt.Errorf("the page says\n  %s\nbut this is printed:\n  %s", want, got)
	}
	for i, name := range found {
		names[name] = values[i+1]
	}
	return nil
}

// compile makes the pattern of a line, and returns the names whose values its groups find.
func compile(line string, names map[string]string) (*regexp.Regexp, []string, error) {
	var b strings.Builder
	var found []string
	b.WriteString("^")
	for i, word := range strings.Fields(line) {
		if i > 0 {
			b.WriteString(`\s+`)
		}
		rest := word
		for {
			at := placeholder.FindStringSubmatchIndex(rest)
			if at == nil {
				b.WriteString(regexp.QuoteMeta(rest))
				break
			}
			b.WriteString(regexp.QuoteMeta(rest[:at[0]]))
			name := rest[at[2]:at[3]]
			rest = rest[at[1]:]
			value, known := names[name]
			switch {
			case known:
				b.WriteString(regexp.QuoteMeta(value))
			case name == strings.ToUpper(name):
				b.WriteString(`([^\s,;]+)`)
				found = append(found, name)
			case placeholders[name] != "":
				b.WriteString("(?:" + placeholders[name] + ")")
			default:
				return nil, nil, fmt.Errorf("<%s> is no placeholder: see the package comment", name)
			}
		}
	}
	b.WriteString("$")
	pattern, err := regexp.Compile(b.String())
	return pattern, found, err
}
