package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts run this test binary as rowlock.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rowlock": main})
}

// TestOffline runs the transcripts that need no server.
func TestOffline(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/offline", Cmds: scriptCommands, RequireExplicitExec: true})
}

// TestServer runs the transcripts against a dev server each, which is booted in this process.
func TestServer(t *testing.T) {
	// grpc-gateway keeps its query parser in a global variable, which each server sets: one at a time.
	var booting sync.Mutex
	testscript.Run(t, testscript.Params{
		Dir: "testdata/server", Cmds: scriptCommands, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			booting.Lock()
			server, err := boot("dev", "--data-dir", env.Getenv("WORK")+"/data")
			booting.Unlock()
			if err != nil {
				return err
			}
			env.Setenv("ROWLOCK_ADDR", server.API)
			env.Setenv("HTTP_ADDR", server.HTTP)
			examples, err := filepath.Abs("../../docs/examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Defer(func() {
				if code := server.stop(); code != exitDone {
					t.Errorf("the server's exit code is %d:\n%s", code, server.log.String())
				}
			})
			return nil
		},
	})
}

// booted is a server that runs in this process.
type booted struct {
	API, HTTP string
	cancel    context.CancelFunc
	code      chan int
	followed  chan struct{}
	log       strings.Builder // readable when followed is closed
}

// boot runs Main until it is ready. Its addresses are picked by the system.
func boot(args ...string) (*booted, error) {
	ctx, cancel := context.WithCancel(context.Background())
	b := &booted{cancel: cancel, code: make(chan int, 1), followed: make(chan struct{})}
	log, stderr := io.Pipe()
	args = append(args, "--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0")
	go func() {
		code := Main(ctx, args, strings.NewReader(""), io.Discard, stderr, nil)
		stderr.Close()
		b.code <- code
	}()
	ready := make(chan struct{})
	go b.follow(log, ready)
	select {
	case <-ready:
		return b, nil
	case <-b.followed:
		return nil, errors.New("the server ended before it was ready: " + b.log.String())
	case <-time.After(time.Minute):
		cancel()
		<-b.followed
		return nil, errors.New("the server isn't ready after a minute: " + b.log.String())
	}
}

func (b *booted) follow(log io.Reader, ready chan<- struct{}) {
	defer close(b.followed)
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		b.log.WriteString(lines.Text() + "\n")
		var line struct{ Msg, API, HTTP string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			b.API, b.HTTP = line.API, line.HTTP
			close(ready)
		}
	}
}

// stop stops the server in an orderly way and returns its exit code.
func (b *booted) stop() int {
	b.cancel()
	code := <-b.code
	<-b.followed
	return code
}

// scriptCommands are commands of the transcripts besides testscript's own.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"code":    codeCommand,
	"capture": captureCommand,
	"await":   awaitCommand,
	"oneline": oneLineCommand,
}

// 'code N program args…' runs a program that must exit with code N.
func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d; stderr: %s", got, want, ts.ReadFile("stderr"))
	}
}

// 'capture NAME' keeps what the last program printed as a variable.
func captureCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// 'await REGEXP program args…' runs a program again and again until its output matches. Only the last run is in the log.
func awaitCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	var out []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		cmd := exec.Command(path, args[2:]...)
		cmd.Args[0] = "rowlock"
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "ROWLOCK_ADDR=" + ts.Getenv("ROWLOCK_ADDR")}
		out, _ = cmd.CombinedOutput() // a program that fails doesn't match
		if want.Match(out) && ts.Exec(args[1], args[2:]...) == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("no match for %s in: %s", args[0], out)
}

// 'oneline REGEXP' wants one line on stderr, which begins with "rowlock: " and matches, and nothing on stdout.
func oneLineCommand(ts *testscript.TestScript, _ bool, args []string) {
	stderr := ts.ReadFile("stderr")
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "rowlock: ") || !regexp.MustCompile(args[0]).MatchString(stderr) {
		ts.Fatalf("want one line that matches %s, got: %s", args[0], stderr)
	}
	if stdout := ts.ReadFile("stdout"); stdout != "" {
		ts.Fatalf("want nothing on stdout, got: %s", stdout)
	}
}
