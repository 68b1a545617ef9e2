package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func main() {
	c := config{format: render.People}
	flag.StringVar(&c.binary, "rowlock", "bin/rowlock", "the binary")
	flag.IntVar(&c.Trials, "trials", 50, "how often to strike the leader")
	flag.StringVar(&c.Signal, "signal", signalKill, "what to do to it: kill, or stop for -stop")
	flag.StringVar(&c.Profile, "profile", "default", "the members' --raft-profile")
	flag.IntVar(&c.Producers, "producers", 4, "how many clients enqueue")
	flag.Float64Var(&c.Rate, "rate", 200, "tasks per second that they enqueue in all")
	flag.DurationVar(&c.stop, "stop", 10*time.Second, "how long a stopped leader stays so")
	flag.DurationVar(&c.window, "window", 4*time.Second, "how long to watch after a strike, at least")
	flag.StringVar(&c.dir, "dir", "", "put the data into this directory (default: a temporary one)")
	flag.StringVar(&c.logs, "logs", "", "leave the logs of members and programs in this directory")
	flag.Var(&c.format, "o", "how to print: table, json or yaml")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, c)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

// run measures in a directory that it removes, and prints.
func run(ctx context.Context, c config) (err error) {
	if err := c.complete(); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp(c.dir, "rowlock-failover-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	if c.logs == "" {
		c.logs = c.dir
	}
	if err := os.MkdirAll(c.logs, 0o750); err != nil {
		return err
	}
	r, err := measure(ctx, c)
	if r == nil {
		return err
	}
	return errors.Join(err, r.print(os.Stdout, c.format))
}
