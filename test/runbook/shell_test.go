package runbook

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// prelude gives set-ups and checks their own commands. What has to do with processes is done by the test itself, which ends
// them in any case: the shell asks it over a connection.
const prelude = `
await() { local i; for ((i = 0; i < 600; i++)); do "$@" >"$PAGE_DIR/await" 2>&1 && return 0; sleep 0.1; done; cat "$PAGE_DIR/await" >&2; echo "waited in vain for: $*" >&2; return 1; }
ask() { exec 9<>"/dev/tcp/${CONTROL%:*}/${CONTROL##*:}"; printf '%s\037' "$@" >&9; echo >&9; local answer; read -r answer <&9; exec 9>&-; [ "$answer" = ok ] || { echo "$answer" >&2; return 1; }; }
member() { ask member "$@"; }
worker() { ask worker "$@"; }
`

// shell runs the commands of one page.
type shell struct {
	g       *group
	control net.Listener
	names   map[string]string
}

func newShell(t *testing.T, g *group) *shell {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{g: g, control: l, names: map[string]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends serve
		<-done
	})
	return s
}

// serve does what the prelude's functions ask for.
func (s *shell) serve() {
	for {
		conn, err := s.control.Accept()
		if err != nil {
			return
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil {
			err = s.obey(strings.Split(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\037"), "\037"))
		}
		answer := "ok"
		if err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Fprintln(conn, answer)
		_ = conn.Close() // the answer has been written
	}
}

func (s *shell) obey(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("%q: want member or worker, a verb, and a number or a name", words)
	}
	if words[0] == "member" {
		return s.g.member(words[1], words[2], words[3:])
	}
	return s.g.worker(words[1], words[2], words[3:])
}

// run runs a command and returns what it printed, in the words of the page.
func (s *shell) run(text string, own bool) (output string, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	text = s.g.names.Replace(text)
	if own {
		text = prelude + text
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -o pipefail\n"+text)
	cmd.Dir = s.g.dir
	cmd.WaitDelay = time.Second
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ROWLOCK_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(append(cmd.Env, s.g.environment()...), "CONTROL="+s.control.Addr().String())
	for name, value := range s.names {
		cmd.Env = append(cmd.Env, name+"="+s.g.names.Replace(value))
	}
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return s.g.real.Replace(b.String()), exit.ExitCode(), nil
	}
	return s.g.real.Replace(b.String()), 0, err
}

// setup runs the hidden part of a page.
func (s *shell) setup(text string) error {
	out, code, err := s.run("set -e\n"+text, true)
	if err != nil || code != 0 {
		return errors.Join(err, fmt.Errorf("the set-up ended with %d:\n%s", code, out))
	}
	return nil
}

// command runs a command and holds its output against the page.
func (s *shell) command(c *Command) error {
	out, code, err := s.run(c.Text, false)
	if err != nil {
		return err
	}
	if code != c.Exit && c.Exit != anyExit {
		return fmt.Errorf("ended with %d, not %d:\n%s", code, c.Exit, out)
	}
	if err := Match(c.Output, out, s.names); err != nil {
		return fmt.Errorf("%w\nall of it:\n%s", err, out)
	}
	return nil
}

// check waits until a check succeeds.
func (s *shell) check(text string) error {
	for end := time.Now().Add(patience); ; {
		out, code, err := s.run(text, true)
		if err == nil && code == 0 {
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(err, fmt.Errorf("check %s: ended with %d:\n%s", text, code, out))
		}
		<-time.After(100 * time.Millisecond)
	}
}
