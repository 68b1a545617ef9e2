package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store/bucket"
)

// archiveFlags say where a server archives the log, and how often.
type archiveFlags struct {
	to    string
	every time.Duration
	keep  byteSize
	seal  sealFlags
}

func (a *archiveFlags) add(flags *pflag.FlagSet) {
	a.keep = 1 << 30
	flags.StringVar(&a.to, "archive-to", "", "while it leads, archive the log here: a directory that all members share, or s3://bucket/prefix")
	flags.DurationVar(&a.every, "archive-every", 5*time.Second, "archive what is new this often: about as much is lost when all members are")
	flags.Var(&a.keep, "archive-log-keep", "keep at most so many bytes of log for an archive that can't be written")
	settings(flags, "archive-to", "archive-every", "archive-log-keep")
	a.seal.add(flags, "archive-")
}

func (a *archiveFlags) check() error {
	switch {
	case a.every < 100*time.Millisecond:
		return usagef("--archive-every %s: want at least 100ms", a.every)
	case a.keep < 1<<20:
		return usagef("--archive-log-keep: want at least 1MiB")
	}
	return nil
}

// config is that of the node; nil: the log isn't archived.
func (a *archiveFlags) config(ctx context.Context) (*raftfsm.ArchiveConfig, error) {
	if a.to == "" {
		return nil, nil //nolint:nilnil // without a config nothing is archived
	}
	b, err := bucket.Open(ctx, a.to)
	if err != nil {
		return nil, usagef("--archive-to: %s", err)
	}
	o, err := a.seal.options()
	if err != nil {
		return nil, err
	}
	return &raftfsm.ArchiveConfig{Bucket: b, Options: o, Every: a.every, Version: version().Version}, nil
}
