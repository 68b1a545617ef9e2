package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rowlock/rowlock/bench/load"
	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// site is a server with a client.
type site struct {
	node   *process.Node
	client *client.Client
}

func open(ctx context.Context, c config, name string) (*site, error) {
	args := []string{"server", "--node-id", "bench", "--bootstrap-expect", "1", "--data-dir", filepath.Join(c.dir, name)}
	if c.BackupRate != "" {
		args = append(args, "--backup-rate", c.BackupRate)
	}
	node, err := process.StartNode(ctx, c.binary, nil, args...)
	if err != nil {
		return nil, err
	}
	s := &site{node: node}
	s.client, err = client.New(client.Config{Addrs: []string{node.API}, Name: "recovery", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, node.Kill())
	}
	return s, nil
}

func (s *site) close() error { return errors.Join(s.client.Close(), s.node.Kill()) }

// command runs the binary to its end, and returns how long that took.
func (c config) command(ctx context.Context, args ...string) (time.Duration, error) {
	return timed(ctx, c.binary, args...)
}

func timed(ctx context.Context, program string, args ...string) (time.Duration, error) {
	start := time.Now()
	code, _, stderr, err := process.Run(ctx, program, process.Options{Args: args})
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %v: exit code %d: %s", program, args, code, stderr)
	}
	return time.Since(start), err
}

func measure(ctx context.Context, c config) (r *report, err error) {
	r = &report{Settings: c, Machine: load.ThisMachine()}
	s, err := open(ctx, c, "data")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := fill(ctx, s.client, c.Tasks); err != nil {
		return nil, err
	}
	if r.PeakPerS, err = peak(ctx, s.client, c.window/2); err != nil {
		return nil, err
	}
	if err := r.compare(ctx, c, s); err != nil {
		return nil, err
	}
	return r, r.recover(ctx, c, s)
}

// compare offers half of the peak without and with backups, in turns, so that both see the same machine.
func (r *report) compare(ctx context.Context, c config, s *site) error {
	var quiet, during offered
	for range c.Rounds {
		if err := quiet.offer(ctx, s.client, r.PeakPerS/2, func() error { return pause(ctx, c.window) }); err != nil {
			return err
		}
		if err := during.offer(ctx, s.client, r.PeakPerS/2, func() error { return r.saveAgain(ctx, c, s.node.API) }); err != nil {
			return err
		}
	}
	r.Quiet, r.During = quiet.steady(), during.steady()
	return nil
}

// saveAgain saves backups one after the other, at least one, until the window is over.
func (r *report) saveAgain(ctx context.Context, c config, api string) error {
	for start := time.Now(); time.Since(start) < c.window; {
		took, err := timed(ctx, "nice", "-n", strconv.Itoa(c.Nice), c.binary, "backup", "save", "--to", filepath.Join(c.dir, "busy"), "--addr", api, "--call-timeout", "5m")
		if err != nil {
			return err
		}
		r.BusySeconds = append(r.BusySeconds, took.Seconds())
	}
	return nil
}

// recover saves a backup of a server at rest, and restores it.
func (r *report) recover(ctx context.Context, c config, s *site) error {
	backup := filepath.Join(c.dir, "backup.rowlock")
	took, err := c.command(ctx, "backup", "save", "--to", backup, "--addr", s.node.API, "--call-timeout", "5m")
	if err != nil {
		return err
	}
	r.SaveSeconds = took.Seconds()
	info, err := os.Stat(backup)
	if err != nil {
		return err
	}
	state, err := os.Stat(filepath.Join(c.dir, "data", "state.db"))
	if err != nil {
		return err
	}
	r.BackupBytes, r.StateBytes = info.Size(), state.Size()
	if took, err = c.command(ctx, "backup", "verify", backup, "--temp-dir", c.dir); err != nil {
		return err
	}
	r.VerifySeconds = took.Seconds()
	begun := time.Now()
	if _, err := c.command(ctx, "backup", "restore", "--from", backup, "--data-dir", filepath.Join(c.dir, "restored"), "--node-id", "bench", "--temp-dir", c.dir, "--yes"); err != nil {
		return err
	}
	r.RestoreSeconds = time.Since(begun).Seconds()
	fresh, err := open(ctx, c, "restored")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.close()) }()
	if _, err := fresh.client.Enqueue(ctx, oneTask(), client.Queue("load")); err != nil {
		return err
	}
	r.ServingSeconds = time.Since(begun).Seconds()
	if took, err = c.command(ctx, "backup", "restore", "--from", backup, "--temp-dir", c.dir, "--addr", s.node.API, "--call-timeout", "5m", "--yes"); err != nil {
		return err
	}
	r.OnlineSeconds = took.Seconds()
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
