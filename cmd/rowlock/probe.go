package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/bucket"
)

// probePatience bounds how long the start of a server waits for the destination of its archive or backups.
const probePatience = 10 * time.Second

// destination is one that a server writes to, and the flag that names it.
type destination struct {
	flag   string
	bucket bucket.Bucket
}

// probe refuses a destination that nobody could write to, before the server listens.
//
// What may pass, such as a network that is down, refuses only a server that has no state yet, whose flags are new: a member of a group must
// come back while its archive can't be reached. Its log is kept meanwhile.
func (d destination) probe(ctx context.Context, dataDir string, logger *slog.Logger) error {
	bounded, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	err := d.bucket.Probe(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, bucket.ErrRefused), errors.Is(err, bucket.ErrMissing), errors.Is(err, bucket.ErrAddress):
		return fmt.Errorf("--%s: %w", d.flag, err)
	}
	if bounded.Err() != nil {
		err = fmt.Errorf("%s doesn't answer within %s (%w)", d.bucket, probePatience, err)
	}
	if _, known := os.Stat(store.Dir(dataDir).State()); known == nil {
		logger.Warn("the destination can't be written to now; it is tried again and again", "flag", "--"+d.flag, "error", err)
		return nil
	}
	return &exitError{code: exitUnavailable, text: fmt.Sprintf("--%s: %s: check the address, and that this host reaches it", d.flag, err)}
}

// destinations are where the server archives its log and where it backs its group up, both of which are looked at; nil: it doesn't.
func (s *serveFlags) destinations(ctx context.Context, logger *slog.Logger) (*raftfsm.ArchiveConfig, *backups.Schedule, error) {
	log, err := s.archive.config(ctx)
	if err != nil {
		return nil, nil, err
	}
	schedule, err := s.backup.schedule(ctx)
	if err != nil {
		return nil, nil, err
	}
	var places []destination
	if log != nil {
		places = append(places, destination{"archive-to", log.Bucket})
	}
	if schedule != nil && (log == nil || log.Bucket.String() != schedule.To.String()) {
		places = append(places, destination{"backup-to", schedule.To})
	}
	for _, d := range places {
		if err := d.probe(ctx, s.dataDir, logger); err != nil {
			return nil, nil, err
		}
	}
	return log, schedule, nil
}
