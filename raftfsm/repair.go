package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rowlock/rowlock/store"
)

// RepairReport is the store's.
type RepairReport = store.RepairReport

// Repair makes a sound state of what can be read of a stopped member's damaged files (see store.Repair), and that member the
// only one of a new group (see Recover): no other may take its state for the group's. It is for the last copy of a state.
//
// nodeID is taken where the directory can't tell it any more. A crash in between leaves a directory that is refused for serving:
// repeat the call.
func Repair(ctx context.Context, dataDir, nodeID, address string, logger *slog.Logger) (*RepairReport, Recovery, error) {
	var done Recovery
	if err := ensureIdentity(dataDir, nodeID); err != nil {
		return nil, done, err
	}
	report, err := store.Repair(ctx, store.Options{Dir: dataDir, Logger: logger, Now: time.Now})
	if err != nil {
		return nil, done, err
	}
	err = Recover(dataDir, address, logger, func(r Recovery) error {
		done = r
		return nil
	})
	if err != nil {
		return report, done, fmt.Errorf("the state is repaired, but isn't a group of its own yet: %w", err)
	}
	return report, done, store.ClearDiverged(dataDir)
}

// ensureIdentity writes another identity where the directory's can't be read.
func ensureIdentity(dataDir, nodeID string) (err error) {
	release, err := store.Hold(dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	_, ok, err := store.LoadIdentity(dataDir)
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		return err
	}
	if err == nil && ok {
		return nil
	}
	if !nodeIDPattern.MatchString(nodeID) {
		return fmt.Errorf("%w: the directory doesn't say which member it is of: give its node ID", ErrRefused)
	}
	incarnation, err := randomName(4)
	if err != nil {
		return err
	}
	return store.SaveIdentity(dataDir, store.Identity{NodeID: nodeID, Incarnation: incarnation})
}
