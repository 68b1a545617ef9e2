package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/task"
)

// scheduleFlags say where and how often a server backs its group up.
type scheduleFlags struct {
	to      string
	every   time.Duration
	policy  backups.Policy
	seal    sealFlags
	read    readFlags
	tempDir string
}

// The names of the flags that say how long backups are kept begin with it.
const keepPrefix = "backup-keep-"

func (s *scheduleFlags) add(flags *pflag.FlagSet) {
	s.policy = backups.Policy{Daily: 7, Weekly: 8}
	flags.StringVar(&s.to, "backup-to", "", "back the group up to this directory or bucket while this member leads; give all members the same")
	flags.DurationVar(&s.every, "backup-every", 24*time.Hour, "how often")
	flags.StringVar(&s.tempDir, "backup-temp-dir", "", "directory for the trial restore of each backup, and of the log behind it (default: the system's)")
	addPolicy(flags, keepPrefix, &s.policy)
	s.seal.add(flags, "backup-")
	s.read.add(flags, "backup-")
	settings(flags, "backup-to", "backup-every", "backup-temp-dir", keepPrefix+"last", keepPrefix+"hourly", keepPrefix+"daily", keepPrefix+"weekly", keepPrefix+"monthly")
}

// schedule is the one that the flags describe; nil: none.
func (s *scheduleFlags) schedule(ctx context.Context) (*backups.Schedule, error) {
	if s.to == "" {
		return nil, nil //nolint:nilnil // nothing is backed up
	}
	if s.every < time.Minute {
		return nil, usagef("--backup-every %s: want at least 1m", s.every)
	}
	if err := checkPolicy(keepPrefix, s.policy); err != nil {
		return nil, err
	}
	options, err := s.seal.options()
	if err != nil {
		return nil, err
	}
	keys, err := s.read.keys()
	if err != nil {
		return nil, err
	}
	to, err := bucket.Open(ctx, s.to)
	if err != nil {
		return nil, usagef("--backup-to: %s", err)
	}
	return &backups.Schedule{To: to, Every: s.every, Policy: s.policy, Archive: options, Keys: keys, TempDir: s.tempDir}, nil
}

// scheduleVerdict is how long the members get to agree on the state of a scheduled backup.
const scheduleVerdict = 30 * time.Second

// attach has the schedule back up a member, and prove its log where that is archived to the same place.
func (p *program) attach(s *backups.Schedule, log *raftfsm.ArchiveConfig, n *raftfsm.Node, logger *slog.Logger, r prometheus.Registerer) error {
	if s == nil {
		return nil
	}
	s.Source = backups.FromNode(n, version().Version, scheduleVerdict)
	s.ClusterID = func() string { return n.Status().ClusterID }
	s.Leads = func() bool {
		var suspended bool
		n.Machine(func(m *task.Machine) { _, suspended = m.Suspended() })
		return n.Serving() && !suspended
	}
	s.Pace = n.BackupPacer()
	s.Now, s.Logger = p.now, logger
	if log != nil && log.Bucket.String() == s.To.String() {
		s.Log, s.LogEncrypted = true, len(log.Options.Recipients) > 0
	}
	return s.Register(r)
}
