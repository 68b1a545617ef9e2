package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// program is one run of rowlock. Nothing in it reads the process's own arguments, environment or standard files, so
// that tests can boot as many as they like.
type program struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    []string // KEY=value
	now    func() time.Time
}

// Main runs one command and returns the exit code. When ctx ends, a server or worker stops in an orderly way and
// anything else is given up.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, env: env, now: time.Now}
	root := p.rootCommand()
	if args == nil {
		args = []string{} // nil would make cobra take the process's own
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return p.exit(ctx, inFlags(cmd, err))
}

// isTerminal reports whether a person sits at the other end of a reader or writer.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && (isatty.IsTerminal(file.Fd()) || isatty.IsCygwinTerminal(file.Fd()))
}

// getenv returns a variable of the program's environment.
func (p *program) getenv(name string) string {
	for i := len(p.env) - 1; i >= 0; i-- { // the last one counts
		if value, ok := strings.CutPrefix(p.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}
