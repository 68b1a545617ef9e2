package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// member is one server of the group, through all its runs.
type member struct {
	id     string
	api    string // its API address
	binary string
	args   []string
	log    string // the file to which each run adds

	process *os.Process   // nil: it doesn't run
	exited  chan struct{} // closed when the process is gone
}

// newMembers makes three members, with nine addresses, that will found a group.
func newMembers(c config, addrs []string) []*member {
	api, raft, http := addrs[:3], addrs[3:6], addrs[6:]
	members := make([]*member, len(api))
	for i := range members {
		id := fmt.Sprintf("n%d", i+1)
		members[i] = &member{
			id: id, api: api[i], binary: c.binary, log: filepath.Join(c.logs, id+".log"),
			args: []string{
				"server", "--data-dir", filepath.Join(c.dir, id), "--node-id", id, "--advertise-host", "127.0.0.1",
				"--api-addr", api[i], "--raft-addr", raft[i], "--http-addr", http[i], "--log-format", "json",
				"--join", strings.Join(api, ","), "--bootstrap-expect", "3", "--raft-profile", c.Profile,
			},
		}
	}
	return members
}

// start runs the member. It doesn't wait for it to serve.
func (m *member) start() error {
	log, err := os.OpenFile(m.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(m.binary, m.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "ROWLOCK_") })
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", m.id, err)
	}
	exited := make(chan struct{})
	m.process, m.exited = cmd.Process, exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // a kill is how it is meant to end
	}()
	return nil
}

// signal sends the process a signal. One that has ended already is left alone.
func (m *member) signal(s syscall.Signal) error {
	if err := m.process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s to %s: %w", s, m.id, err)
	}
	return nil
}

// kill ends the member as kill -9 does, and waits until it is gone.
func (m *member) kill() error {
	if m.process == nil {
		return nil
	}
	if err := m.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-m.exited
	return nil
}
