package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// config says what to run.
type config struct {
	binary string
	length time.Duration // of the steps; the end takes a minute or so more
	seed   uint64
	plan   []string // the steps to do, once each and in this order; empty: at random until the time is over
	dir    string   // where the run's own directory is made
}

func main() {
	var c config
	plan := ""
	flag.StringVar(&c.binary, "rowlock", "bin/rowlock", "the binary")
	flag.DurationVar(&c.length, "for", 5*time.Minute, "for how long to do steps")
	flag.Uint64Var(&c.seed, "seed", uint64(time.Now().UnixNano()), "determines the steps (default: the time)")
	flag.StringVar(&plan, "plan", "", "do these steps, once each and in this order, comma-separated: "+strings.Join(stepNames(), ", "))
	flag.StringVar(&c.dir, "dir", "", "where to make the directory of this run (default: the system's directory for temporary files)")
	flag.Parse()
	if plan != "" {
		c.plan = strings.Split(plan, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := c.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// run does one run in a directory of its own, which it removes unless something was wrong.
func (c config) run(ctx context.Context) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	if c.binary, err = filepath.Abs(c.binary); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp(c.dir, "rowlock-chaos-"); err != nil {
		return err
	}
	r := newRun(ctx, c, os.Stdout)
	err = r.play()
	r.summarize()
	if ctx.Err() != nil {
		err = errors.Join(err, errors.New("interrupted"))
	}
	if err == nil {
		return os.RemoveAll(c.dir)
	}
	return fmt.Errorf("%w\nEverything is kept in %s: data directories n0 to n2, archives, logs.\nThe same steps again: make chaos CHAOS_FLAGS='%s'",
		err, c.dir, c.flags())
}

// check says what is wrong with the configuration.
func (c config) check() error {
	if _, err := os.Stat(c.binary); err != nil {
		return fmt.Errorf("-rowlock: %w; build it with `make build`", err)
	}
	if c.length <= 0 {
		return fmt.Errorf("-for %s: want more than 0", c.length)
	}
	for _, name := range c.plan {
		if stepNamed(name) == nil {
			return fmt.Errorf("-plan: no step is named %q: %s", name, strings.Join(stepNames(), ", "))
		}
	}
	return nil
}

// flags are those that make the same run again.
func (c config) flags() string {
	flags := fmt.Sprintf("-seed %d -for %s", c.seed, c.length)
	if len(c.plan) > 0 {
		flags += " -plan " + strings.Join(c.plan, ",")
	}
	return flags
}
