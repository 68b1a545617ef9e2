package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// confirmation is --yes.
type confirmation struct {
	p   *program
	yes bool
}

func (p *program) yesFlag(cmd *cobra.Command) *confirmation {
	c := &confirmation{p: p}
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "don't ask")
	return c
}

// ask asks a person to confirm. Where nobody can be asked, what destroys is refused and the rest goes on.
func (c *confirmation) ask(destroys bool, format string, args ...any) error {
	if c.yes {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	if !isTerminal(c.p.stdin) {
		if destroys {
			return usagef("this would %s: say --yes to go on", what)
		}
		return nil
	}
	fmt.Fprintf(c.p.stderr, "This will %s. Go on? [y/N] ", what)
	answer, _ := bufio.NewReader(c.p.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &exitError{code: exitFailed, text: "nothing was done"}
}
