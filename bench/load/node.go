package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// NodeConfig says how to start a server for a measurement.
type NodeConfig struct {
	// Binary is rowlock.
	Binary string
	// DataDir is where its data goes. Close removes it.
	DataDir string
	// Args are added to its command line.
	Args []string
}

// Node is a rowlock server in a process of its own.
type Node struct {
	config NodeConfig
	cmd    *exec.Cmd
	addr   string
	exited chan struct{} // closed when the process has ended and its log is read
	err    error         // of the process, readable after exited
	tail   string        // its last log line, likewise
}

const (
	readyTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
)

// StartNode starts a server and waits until it is ready. The caller closes it.
func StartNode(ctx context.Context, config NodeConfig) (*Node, error) {
	n := &Node{config: config}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(config.DataDir))
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	args := append([]string{
		"dev", "--data-dir", n.config.DataDir, "--log-format", "json",
		"--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0",
	}, n.config.Args...)
	n.cmd = exec.Command(n.config.Binary, args...)
	n.cmd.Args[0] = "rowlock"
	n.cmd.Env = environment()
	log, err := n.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	ready := make(chan string, 1)
	n.exited = make(chan struct{})
	go n.follow(log, ready)
	select {
	case n.addr = <-ready:
		return nil
	case <-n.exited:
		return fmt.Errorf("the server ended before it was ready (%w): %s", n.err, n.tail)
	case <-time.After(readyTimeout):
		return errors.Join(fmt.Errorf("the server wasn't ready after %s", readyTimeout), n.stop())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), n.stop())
	}
}

// environment is this process's without the settings of rowlock, which are for other servers.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "ROWLOCK_") })
}

// follow reads the log to its end, tells the API's address when the server is ready, and takes leave of the process.
func (n *Node) follow(log io.Reader, ready chan<- string) {
	defer close(n.exited)
	lines := bufio.NewReader(log)
	for {
		text, err := lines.ReadString('\n')
		if text = strings.TrimSpace(text); text != "" {
			n.tail = text
			var line struct{ Msg, API string }
			if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "ready" {
				select {
				case ready <- line.API:
				default:
				}
			}
		}
		if err != nil {
			break
		}
	}
	n.err = n.cmd.Wait()
	if n.err == nil {
		n.err = errors.New("exit code 0")
	}
}

// Addrs implements Server.
func (n *Node) Addrs() []string { return []string{n.addr} }

// PID is the server's process ID.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Close stops the server and removes its data.
func (n *Node) Close() error {
	return errors.Join(n.stop(), os.RemoveAll(n.config.DataDir))
}

// stop stops the server in an orderly way, and with force where that takes too long.
func (n *Node) stop() error {
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-n.exited:
		return nil
	case <-time.After(stopTimeout):
	}
	err := n.cmd.Process.Kill()
	<-n.exited
	return errors.Join(fmt.Errorf("the server didn't stop within %s", stopTimeout), err)
}

// Restart implements Server.
func (n *Node) Restart(ctx context.Context) (time.Duration, error) {
	if err := n.stop(); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := n.start(ctx)
	return time.Since(begin), err
}

// Memory implements Server.
func (n *Node) Memory() (Memory, bool) {
	m, err := processMemory(n.PID())
	return m, err == nil
}

// DataBytes implements Server.
func (n *Node) DataBytes() (total uint64) {
	// Files may go while they are counted.
	_ = filepath.WalkDir(n.config.DataDir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				total += diskBytes(info)
			}
		}
		return nil
	})
	return total
}
