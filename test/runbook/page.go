package runbook

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Page is what a page has to execute, in its order.
type Page struct {
	Steps []Step
	// Kubectl are the commands that need a cluster of Kubernetes.
	Kubectl []string
}

// Step is a set-up, or a block of commands with its checks.
type Step struct {
	Line     int // in the page, from 1
	Setup    string
	Commands []Command
	Checks   []string
}

// Command is one with what it prints.
type Command struct {
	Line   int
	Text   string
	Output []string
	Exit   int // or anyExit
}

// anyExit is of a command whose end depends on the machine.
const anyExit = -1

var comment = regexp.MustCompile(`(?s)^<!--\s*(setup|check|exit):\s*(.*?)\s*-->$`)

// Parse reads a page, and refuses blocks that prove nothing.
func Parse(text string) (*Page, error) {
	p := &parser{lines: strings.Split(text, "\n"), page: &Page{}}
	for p.at < len(p.lines) {
		line := p.lines[p.at]
		switch {
		case line == "```console":
			if err := p.block(); err != nil {
				return nil, err
			}
		case strings.HasPrefix(line, "<!--"):
			if err := p.comment(); err != nil {
				return nil, err
			}
		case strings.HasPrefix(line, "```"):
			if err := p.skip(); err != nil {
				return nil, err
			}
		default:
			p.at++
		}
	}
	return p.page, p.complete()
}

type parser struct {
	lines []string
	at    int
	page  *Page
}

func (p *parser) fail(line int, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...))
}

// skip passes over a block that isn't of commands. One that looks like it is a mistake.
func (p *parser) skip() error {
	start := p.at + 1
	switch language := strings.TrimPrefix(p.lines[p.at], "```"); language {
	case "bash", "sh", "shell", "":
		return p.fail(start, "a block of %q is executed by nobody: make it ```console, with its output", language)
	}
	for p.at++; p.at < len(p.lines); p.at++ {
		if p.lines[p.at] == "```" {
			p.at++
			return nil
		}
	}
	return p.fail(start, "the block has no end")
}

func (p *parser) block() error {
	step := Step{Line: p.at + 1}
	for p.at++; ; p.at++ {
		if p.at == len(p.lines) {
			return p.fail(step.Line, "the block has no end")
		}
		line := p.lines[p.at]
		if line == "```" {
			p.at++
			break
		}
		text, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case isCommand:
			c := Command{Line: p.at + 1}
			for strings.HasSuffix(text, "\\") && p.at+1 < len(p.lines) {
				p.at++
				text += "\n" + p.lines[p.at]
			}
			c.Text = text
			step.Commands = append(step.Commands, c)
		case len(step.Commands) == 0:
			return p.fail(p.at+1, "output without a command: a command begins with $ and a space")
		default:
			c := &step.Commands[len(step.Commands)-1]
			c.Output = append(c.Output, line)
		}
	}
	return p.keep(step)
}

// keep adds a block, without its lines for kubectl.
func (p *parser) keep(step Step) error {
	printed := 0
	var own []Command
	for _, c := range step.Commands {
		if strings.HasPrefix(c.Text, "kubectl ") {
			p.page.Kubectl = append(p.page.Kubectl, c.Text)
			continue
		}
		own = append(own, c)
		for _, line := range c.Output {
			if text := strings.TrimSpace(line); text != "" && text != "…" {
				printed++
			}
		}
	}
	if len(step.Commands) == 0 {
		return p.fail(step.Line, "the block has no command")
	}
	if len(own) == 0 {
		return nil
	}
	if printed == 0 {
		return p.fail(step.Line, "the block says nothing of what its commands print")
	}
	step.Commands = own
	p.page.Steps = append(p.page.Steps, step)
	return nil
}

func (p *parser) comment() error {
	start := p.at + 1
	var lines []string
	for {
		if p.at == len(p.lines) {
			return p.fail(start, "the comment has no end")
		}
		lines = append(lines, p.lines[p.at])
		p.at++
		if strings.HasSuffix(lines[len(lines)-1], "-->") {
			break
		}
	}
	match := comment.FindStringSubmatch(strings.Join(lines, "\n"))
	if match == nil {
		return p.fail(start, "a comment must be setup:, check: or exit:")
	}
	if match[1] == "setup" {
		p.page.Steps = append(p.page.Steps, Step{Line: start, Setup: match[2]})
		return nil
	}
	if len(p.page.Steps) == 0 || p.page.Steps[len(p.page.Steps)-1].Setup != "" {
		return p.fail(start, "%s: belongs behind a block", match[1])
	}
	step := &p.page.Steps[len(p.page.Steps)-1]
	if match[1] == "check" {
		step.Checks = append(step.Checks, match[2])
		return nil
	}
	if match[2] == "any" {
		step.Commands[len(step.Commands)-1].Exit = anyExit
		return nil
	}
	code, err := strconv.Atoi(match[2])
	if err != nil || code < 1 {
		return p.fail(start, "exit: %q is no exit code other than 0", match[2])
	}
	step.Commands[len(step.Commands)-1].Exit = code
	return nil
}

// complete refuses a block without a check.
func (p *parser) complete() error {
	for i := range p.page.Steps {
		if s := &p.page.Steps[i]; s.Setup == "" && len(s.Checks) == 0 {
			return p.fail(s.Line, "nothing is checked after the block: say <!-- check: COMMAND --> behind it")
		}
	}
	return nil
}
