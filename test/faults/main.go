package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, flag.Arg(0))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// run plants the faults of this module whose names have the part.
func run(ctx context.Context, part string) error {
	faults, err := readFaults("test/faults/patches")
	if err != nil {
		return err
	}
	chosen := faults[:0]
	for _, f := range faults {
		if strings.Contains(f.name, part) {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no fault has %q in its name", part)
	}
	tree, err := copyTree(ctx, ".")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	return plantAll(ctx, os.Stdout, tree, chosen)
}
