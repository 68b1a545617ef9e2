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

// config says what to measure.
type config struct {
	Tasks         int     `json:"tasks"`
	WindowSeconds float64 `json:"window_seconds"` // of each of the loads
	Rounds        int     `json:"rounds"`         // of a load without and one with backups
	BackupRate    string  `json:"backup_rate,omitempty"`
	Nice          int     `json:"nice"` // of the backups under load

	binary string
	dir    string // where the data goes
	format render.Format
	window time.Duration
}

func main() {
	c := config{format: render.People}
	flag.StringVar(&c.binary, "rowlock", "bin/rowlock", "the binary")
	flag.IntVar(&c.Tasks, "tasks", 1_000_000, "how many tasks wait in the state")
	flag.DurationVar(&c.window, "window", 20*time.Second, "how long each load lasts at least")
	flag.IntVar(&c.Rounds, "rounds", 3, "how often the load is offered without and then with backups")
	flag.StringVar(&c.BackupRate, "backup-rate", "", "the servers' --backup-rate, such as 0 for no pace (default: theirs)")
	flag.IntVar(&c.Nice, "nice", 0, "the niceness of the backups' clients under load: 19 gives them what server and producers leave")
	flag.StringVar(&c.dir, "dir", "", "put the data into this directory (default: a temporary one)")
	flag.Var(&c.format, "o", "how to print: table, json or yaml")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, c)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "recovery:", err)
		os.Exit(1)
	}
}

// run measures in a directory that it removes, and prints.
func run(ctx context.Context, c config) (err error) {
	if c.Tasks < 1 || c.window < time.Second || c.Rounds < 1 {
		return fmt.Errorf("-tasks %d, -window %s and -rounds %d: want at least 1, 1s and 1", c.Tasks, c.window, c.Rounds)
	}
	c.WindowSeconds = c.window.Seconds()
	if c.dir, err = os.MkdirTemp(c.dir, "rowlock-recovery-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	r, err := measure(ctx, c)
	if err != nil {
		return err
	}
	return r.print(os.Stdout, c.format)
}
