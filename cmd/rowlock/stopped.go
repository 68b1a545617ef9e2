package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/rowlock/rowlock/store"
)

// stoppedFiles are the open files of a stopped member.
type stoppedFiles struct {
	state *store.Store
	log   *store.LogStore
}

// hasState refuses a data directory without a state.
func hasState(dataDir string) error {
	if _, err := os.Stat(store.Dir(dataDir).State()); err != nil {
		return &exitError{code: exitRefused, text: fmt.Sprintf("data directory %s has no state (%s): name another with --data-dir", dataDir, cause(err))}
	}
	return nil
}

// openStopped opens the files of a stopped member.
func (p *program) openStopped(dataDir string) (*stoppedFiles, error) {
	if err := hasState(dataDir); err != nil {
		return nil, err
	}
	options := store.Options{Dir: dataDir, Logger: slog.New(slog.DiscardHandler), Now: p.now}
	f := &stoppedFiles{}
	var err error
	if f.state, err = store.Open(options); err != nil {
		return nil, serveError(&serveFlags{dataDir: dataDir}, err)
	}
	if f.log, err = store.OpenLog(options); err != nil {
		return nil, errors.Join(serveError(&serveFlags{dataDir: dataDir}, err), f.state.Close())
	}
	return f, nil
}

func (f *stoppedFiles) close() error { return errors.Join(f.log.Close(), f.state.Close()) }
