package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	path := flag.String("allowed", "", "file with a line for each test that may be skipped: package, test, why")
	flag.Parse()
	if err := run(*path); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	allowed := allowedSkips{}
	if path != "" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if allowed, err = readAllowed(file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		return err
	}
	return r.close(allowed)
}
