package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
)

// restoreFlags say what to restore, and where to.
type restoreFlags struct {
	source  restoreSourceFlags
	members []string // id=raft-address=dir
	dataDir string
	nodeID  string
	raft    string
	why     string
	dryRun  bool
}

// restored is what 'rowlock backup restore' has done, or would do.
type restored struct {
	ClusterID    string     `json:"cluster_id,omitempty"`
	Timeline     string     `json:"timeline,omitempty"`
	OldCluster   string     `json:"backup_cluster_id"`
	Index        uint64     `json:"backup_index"`
	StateTime    *time.Time `json:"state_time"`
	Hash         string     `json:"state_hash"`
	LiveTasks    uint64     `json:"live_tasks"`
	Queues       int        `json:"queues"`
	FeatureLevel uint32     `json:"feature_level"`
	DataDirs     []string   `json:"data_dirs,omitempty"`
	DryRun       bool       `json:"dry_run,omitempty"`
	EndOf        string     `json:"end_of_timeline,omitempty"`
}

// summary says what is restored.
func (s *stagedState) summary(r store.Restored) *restored {
	at := time.UnixMicro(r.StateTime).UTC()
	return &restored{
		Timeline: logarchive.TimelineName(r.Timeline.ID), OldCluster: s.cluster, Index: r.Was.Index, StateTime: &at,
		Hash: archive.HashText(r.Hash), LiveTasks: r.LiveTasks, Queues: r.Queues, FeatureLevel: r.Level,
		EndOf: s.endOf,
	}
}

// text says it to whoever is asked.
func (r *restored) text(name string, now time.Time) string {
	text := fmt.Sprintf("%s\nThe backup is good: %s in %s as of %s, entry %d of cluster %s.",
		name, render.Count(r.LiveTasks, "live task"), render.Count(r.Queues, "queue"), render.Clock(r.StateTime, now), r.Index, r.OldCluster)
	if r.EndOf != "" {
		text += "\nIt is " + r.end() + "."
	}
	return text
}

func (r *restored) table(t *render.Table, now time.Time) {
	t.Pair("backup", fmt.Sprintf("of cluster %s at entry %d, state hash %s", r.OldCluster, r.Index, r.Hash))
	t.Pair("state", fmt.Sprintf("%s in %s, as of %s", render.Count(r.LiveTasks, "live task"), render.Count(r.Queues, "queue"), render.Clock(r.StateTime, now)))
	if r.EndOf != "" {
		t.Pair("moment", r.end())
	}
	if r.DryRun {
		t.Pair("dry run", "the backup is good; nothing was changed")
		return
	}
	t.Pair("cluster", r.ClusterID)
	t.Pair("timeline", r.Timeline)
	for _, dir := range r.DataDirs {
		t.Pair("data directory", dir)
	}
	t.Pair("suspended", "it takes tasks and hands out none, until 'rowlock cluster resume'")
}

func (p *program) backupRestoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Restore a backup: into new data directories, or into a running cluster",
		Long: `Restore a backup: into new data directories, or into a running cluster.

--from is an archive, or the destination of backups: a directory, file:///dir or s3://bucket/prefix. Of a destination, the
newest state that it has is restored, or with --to-time or --to-index that of an earlier moment: the newest full backup up to
there, and the log behind it.

With --data-dir (or --member, once for each member of a group) the state goes into new data directories, which must be empty:
a new cluster with a cluster ID of its own. Start the servers as ever; no --join or --bootstrap-expect is needed. Without, the
state takes the place of that of the running cluster at --addr, on all its members at once; all must be reachable. What that
cluster has now is gone: back it up first.

Either way the restored cluster is suspended: it takes tasks and calls, and hands out none, until 'rowlock cluster resume'.
Leases of before are over; their workers' outcomes, and calls that producers repeat, are refused. IDs are never used again.`,
		Example: `  rowlock backup restore --from /backup --data-dir /var/lib/rowlock --node-id rowlock-0
  rowlock backup restore --from full.rowlock --member n1=host1:7301=/mnt/n1 --member n2=host2:7301=/mnt/n2 --member n3=host3:7301=/mnt/n3
  rowlock backup restore --from s3://backups/rowlock --to-time 2026-05-04T10:15:00Z --addr rowlock:7300`,
		Args: args(0, 0),
	}
	f := &restoreFlags{}
	flags := cmd.Flags()
	f.source.add(flags)
	flags.StringVar(&f.dataDir, "data-dir", "", "new data directory of the only member of a new cluster")
	flags.StringVar(&f.nodeID, "node-id", "", "name of that member (default: the host's name)")
	flags.StringVar(&f.raft, "advertise-raft", "127.0.0.1:7301", "Raft address of that member, host:port, as later members dial it")
	flags.StringArrayVar(&f.members, "member", nil, "a member of a new cluster: NODE=RAFT-ADDRESS=DATA-DIR; repeat it for each")
	flags.StringVar(&f.why, "why", "", "what the cluster says while it is suspended (default: what was restored)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "verify the backup and say what it holds; change nothing")
	connect, log, out, confirm := p.clientFlags(flags), p.logFlags(cmd), p.outputFlag(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := atMostOne(flags, "member", "data-dir"); err != nil {
			return err
		}
		logger, err := log.logger()
		if err != nil {
			return err
		}
		var members []raftfsm.OfflineMember
		if f.dataDir != "" || len(f.members) > 0 {
			if members, err = f.offlineMembers(); err != nil {
				return err
			}
		}
		done, err := p.restore(cmd, f, members, logger, connect, confirm)
		if err != nil {
			return restoreError(err)
		}
		return out.print(done, func(t *render.Table) { done.table(t, p.now()) })
	}
	return cmd
}

// restore restores what the flags say: offline with members, else online.
func (p *program) restore(cmd *cobra.Command, f *restoreFlags, members []raftfsm.OfflineMember, logger *slog.Logger, connect *clientFlags, confirm *confirmation) (done *restored, err error) {
	s, err := f.source.stage(cmd.Context(), p, logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.remove()) }()
	if f.why == "" {
		f.why = "restored from a backup of " + s.time.UTC().Format(time.RFC3339)
	}
	if len(members) > 0 && !f.dryRun {
		return p.restoreOffline(f, members, s, logger, confirm)
	}
	r, err := s.try(p.now(), logger)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	done = s.summary(r)
	if f.dryRun {
		done.DryRun, done.Timeline = true, ""
		return done, nil
	}
	return done, p.restoreOnline(cmd, f, s, done, connect, confirm)
}
