package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// limit is how long the demo may take, whatever goes wrong.
const limit = 10 * time.Minute

func main() {
	var d demo
	flag.StringVar(&d.binary, "rowlock", "bin/rowlock", "the binary")
	flag.StringVar(&d.source, "dir", "", "the directory to make tasks of; empty: the sources of Go's standard library")
	flag.IntVar(&d.most, "max", 50_000, "at most this many files")
	flag.IntVar(&d.concurrency, "concurrency", 2*runtime.NumCPU(), "how many programs the worker runs at once")
	flag.IntVar(&d.members, "members", 1, "how many servers; of 3 or more, the leader is killed in the middle of the job")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	err := d.run(ctx)
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run does the demo in a temporary directory, which it removes.
func (d *demo) run(ctx context.Context) (err error) {
	if d.members != 1 && d.members < 3 {
		return fmt.Errorf("-members %d: want 1, or 3 at least, so that the others can go on when one is killed", d.members)
	}
	if _, err := exec.LookPath("sha256sum"); err != nil {
		return errors.New("needs sha256sum (Debian: coreutils)")
	}
	if d.source == "" {
		root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return fmt.Errorf("go env GOROOT: %w", err)
		}
		d.source = filepath.Join(strings.TrimSpace(string(root)), "src")
	}
	for _, path := range []*string{&d.binary, &d.source} { // the worker runs elsewhere
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	d.out = os.Stdout
	if d.work, err = os.MkdirTemp("", "rowlock-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.work)) }()
	return d.play(ctx)
}
