package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
)

// logBatchBytes is about how much plain log one archive gets.
const logBatchBytes = 16 << 20

// archivedLog is what 'rowlock backup log' did.
type archivedLog struct {
	Destination string    `json:"destination"`
	ClusterID   string    `json:"cluster_id"`
	Timeline    string    `json:"timeline"`
	After       uint64    `json:"after_index"`
	Index       uint64    `json:"index"`
	Entries     uint64    `json:"entries"`
	Archives    int       `json:"archives"`
	Bytes       int64     `json:"bytes"`
	StateTime   time.Time `json:"state_time"`
}

func (p *program) backupLogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log --to DESTINATION",
		Short: "Archive the log since the last archive at a destination",
		Long: `Archive the log since the last archive at a destination, so that the state at any moment in between can be restored.

It goes on behind the last log archive that is there, or behind the newest full backup where there is none or the members
haven't the log any more; make a full backup first, with 'rowlock backup save'. The members keep what isn't archived yet for a day, up to 1 GiB (--archive-log-keep of the server): run
this every hour or so. A server with --archive-to does the same by itself, every few seconds.

DESTINATION is a directory, or s3://bucket/prefix.`,
		Example: `  rowlock backup log --to /backup/rowlock
  rowlock backup log --to 's3://backups/rowlock?region=eu-central-1' -o json`,
		Args: args(0, 0),
	}
	var to string
	var seal sealFlags
	cmd.Flags().StringVar(&to, "to", "", "where the archives are: a directory or s3://bucket/prefix")
	seal.add(cmd.Flags(), "")
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if to == "" {
			return usagef("say with --to where the archives are")
		}
		o, err := seal.options()
		if err != nil {
			return err
		}
		b, err := bucket.Open(cmd.Context(), to)
		if err != nil {
			return usagef("--to: %s", err)
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			l := logShipper{p: p, archives: c.archives, to: b, options: o}
			if err := l.run(ctx, c.cluster); err != nil {
				return err
			}
			return out.print(l.done, func(t *render.Table) { l.done.table(t) })
		})
	}
	return cmd
}

func (d *archivedLog) table(t *render.Table) {
	t.Pair("destination", d.Destination)
	t.Pair("cluster", d.ClusterID)
	t.Pair("timeline", d.Timeline)
	t.Pair("entries", fmt.Sprintf("%d, behind %d up to %d", d.Entries, d.After, d.Index))
	t.Pair("archives", fmt.Sprintf("%d, %s", d.Archives, render.Size(uint64(d.Bytes))))
	t.Pair("restorable up to", d.StateTime.Format(time.RFC3339Nano))
}

// logShipper takes one step of archiving the log.
type logShipper struct {
	p        *program
	archives rowlockv1.ArchiveServiceClient
	to       bucket.Bucket
	options  archive.Options
	done     archivedLog
}

func (l *logShipper) run(ctx context.Context, cluster rowlockv1.ClusterServiceClient) error {
	status, err := cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
	if err != nil {
		return err
	}
	timeline := status.GetTimeline().GetId()
	if timeline == "" {
		timeline = archive.Timeline0
	}
	l.done = archivedLog{Destination: l.to.String(), ClusterID: status.GetClusterId(), Timeline: timeline}
	end, err := l.find(ctx)
	if err != nil {
		return err
	}
	l.done.After, l.done.Index, l.done.StateTime = end.Index, end.Index, time.UnixMicro(end.StateTime).UTC()
	// An entry moves the state's time: the archive covers the time up to now, also where nothing has happened.
	if _, err := l.archives.NoteArchived(ctx, &rowlockv1.NoteArchivedRequest{Index: end.Index}); err != nil {
		return err
	}
	for upTo := end.Index + 1; end.Index < upTo; {
		next, seen, err := l.ship(ctx, end)
		if err != nil {
			return err
		}
		if end.Index == l.done.After { // what comes while this runs is for the next time
			upTo = seen
		}
		end = next
	}
	_, err = l.archives.NoteArchived(ctx, &rowlockv1.NoteArchivedRequest{Index: end.Index})
	return err
}

// find is the end of the chain at the destination.
func (l *logShipper) find(ctx context.Context) (end logarchive.Link, err error) {
	lines, err := logarchive.List(ctx, l.to, l.done.ClusterID)
	if err != nil {
		return end, err
	}
	var keys archive.Keys
	if s := l.options.Signer; s != nil {
		keys.Verify, _ = s.Public().(ed25519.PublicKey)
	}
	for i := range lines {
		if lines[i].Timeline == l.done.Timeline && len(lines[i].Fulls) > 0 {
			return l.goOn(ctx, &lines[i], keys)
		}
	}
	return end, &exitError{code: exitRefused, text: fmt.Sprintf(
		"there is no full backup of cluster %s on timeline %s at %s that the log could follow: make one with 'rowlock backup save --to %s'",
		l.done.ClusterID, l.done.Timeline, l.to, l.to)}
}

// goOn is where to go on: behind the last log archive, so that a full backup that was made since leaves no gap, or behind that
// backup where the members haven't the log any more.
func (l *logShipper) goOn(ctx context.Context, line *logarchive.Line, keys archive.Keys) (logarchive.Link, error) {
	tail, ok, err := line.Tail(ctx, l.to, keys)
	if err != nil {
		return tail, err
	}
	if ok {
		_, err := l.archives.ReadLog(ctx, &rowlockv1.ReadLogRequest{
			AfterIndex: tail.Index, AfterTerm: tail.Term, ClusterId: l.done.ClusterID, Timeline: l.done.Timeline, MaxBytes: 1,
		})
		if err == nil || status.Code(err) != codes.FailedPrecondition {
			return tail, err
		}
	}
	return line.End(ctx, l.to, keys)
}

// ship archives what comes behind a link: as much as fits into one archive. seen is how far the log went when it was first
// asked for.
func (l *logShipper) ship(ctx context.Context, base logarchive.Link) (end logarchive.Link, seen uint64, err error) {
	b, err := logarchive.NewBatch(base, l.options)
	if err != nil {
		return base, 0, err
	}
	about := archive.Manifest{ClusterID: l.done.ClusterID, Timeline: l.done.Timeline, Created: l.p.now().UTC()}
	at, term := base.Index, base.Term
	for {
		r, err := l.archives.ReadLog(ctx, &rowlockv1.ReadLogRequest{
			AfterIndex: at, AfterTerm: term, ClusterId: l.done.ClusterID, Timeline: l.done.Timeline,
		})
		if err != nil {
			return base, 0, err
		}
		if seen == 0 {
			seen = r.GetAppliedIndex()
		}
		about.NodeID, about.Version, about.FeatureLevel = r.GetNodeId(), r.GetVersion(), r.GetFeatureLevel()
		for _, e := range r.GetEntries() {
			if err := b.Add(logarchive.Entry{Index: e.GetIndex(), Term: e.GetTerm(), Type: raft.LogType(e.GetType()), Data: e.GetData()}); err != nil {
				return base, 0, err
			}
			at, term = e.GetIndex(), e.GetTerm()
		}
		if len(r.GetEntries()) == 0 || at >= seen || b.Bytes() >= logBatchBytes {
			break
		}
	}
	if b.Entries() == 0 {
		return base, seen, nil
	}
	object, m, err := b.Seal(about)
	if err != nil {
		return base, 0, err
	}
	n, err := l.to.Put(ctx, m.Name().String(), bytes.NewReader(object))
	if err != nil {
		return base, 0, fmt.Errorf("the log up to entry %d is archived, the next archive isn't: %w", base.Index, err)
	}
	l.done.Index, l.done.StateTime = m.Index, m.StateTime
	l.done.Entries += m.Entries
	l.done.Archives++
	l.done.Bytes += n
	return logarchive.LinkOf(m), seen, nil
}
