package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// confirmation is --yes.
type confirmation struct {
	p   *program
	cmd *cobra.Command
	yes bool
}

func (p *program) yesFlag(cmd *cobra.Command) *confirmation {
	c := &confirmation{p: p, cmd: cmd}
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
	yes, err := answer(c.cmd.Context(), c.p.stdin)
	switch {
	case err != nil:
		fmt.Fprintln(c.p.stderr)
		return err
	case !yes:
		return &exitError{code: exitFailed, text: "nothing was done"}
	}
	return nil
}

// answer reads a line that says yes or something else. When ctx ends, as by Ctrl-C, nobody waits for the line any more; what reads
// it ends with the program, as a terminal that is being read can't be told to stop.
func answer(ctx context.Context, from io.Reader) (yes bool, err error) {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(from).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		text = strings.ToLower(strings.TrimSpace(text))
		return text == "y" || text == "yes", nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
