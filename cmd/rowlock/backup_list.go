package main

import (
	"fmt"
	"path"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

func (p *program) backupListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the backups at a destination",
		Long: `List the backups at a destination, the oldest first, and say of each whether it can be used.

AGREED: a majority of the members had the state. VERIFIED: when a trial restore last succeeded ('rowlock backup verify', or the
schedule of 'rowlock server --backup-to'). Log archives are counted by timeline; --logs lists each.`,
		Example: "  rowlock backup list --from /var/backups/rowlock\n  rowlock backup list --from s3://backups/rowlock -o json | jq '.[-1].name'",
		Args:    args(0, 0),
	}
	var read readFlags
	from := cmd.Flags().String("from", "", "directory or bucket with the backups")
	cluster := cmd.Flags().String("cluster", "", "only those of the cluster with this ID")
	logs := cmd.Flags().Bool("logs", false, "list log archives too")
	read.add(cmd.Flags(), "")
	out := p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, keys, err := openFrom(cmd, *from, &read)
		if err != nil {
			return err
		}
		found, err := backups.List(cmd.Context(), b, *cluster, keys)
		if err != nil {
			return err
		}
		var shown []render.Backup
		var spans logSpans
		for i := range found {
			if found[i].Kind == archive.Full || *logs {
				shown = append(shown, viewEntry(&found[i]))
			} else {
				spans.add(&found[i])
			}
		}
		l := list(out, func(t *render.Table, page []render.Backup) { backupTable(t, page, p.now()) })
		if err := l.Page(shown); err != nil {
			return err
		}
		if err := l.Close(fmt.Sprintf("no backups at %s", b)); err != nil {
			return err
		}
		if out.people() {
			spans.print(p)
		}
		return nil
	}
	return cmd
}

// openFrom opens the destination that --from names, which must exist, and reads the keys.
func openFrom(cmd *cobra.Command, from string, read *readFlags) (bucket.Bucket, archive.Keys, error) {
	if from == "" {
		return nil, archive.Keys{}, usagef("say with --from where the backups are")
	}
	keys, err := read.keys()
	if err != nil {
		return nil, keys, err
	}
	b, err := bucket.Open(cmd.Context(), from)
	if err == nil {
		err = b.Present(cmd.Context())
	}
	return b, keys, err
}

// viewEntry renders what a destination has.
func viewEntry(e *backups.Entry) render.Backup {
	m := e.Manifest
	if m.Kind == "" { // it wasn't or couldn't be read
		m = archive.Manifest{Kind: e.Kind, ClusterID: e.ClusterID, Timeline: e.Timeline, FirstIndex: e.First, Index: e.Index, Created: e.Modified}
	}
	v := render.NewBackup(e.Name, e.Size, m, e.Signer)
	v.Verified = render.When(e.Verified)
	if e.Err != nil {
		v.Problem, v.LiveTasks, v.Queues = oneLine(e.Err.Error()), nil, nil
	}
	return v
}

func backupTable(t *render.Table, page []render.Backup, now time.Time) {
	t.Head("backup", "kind", "created", "size", "live tasks", "agreed", "encrypted", "signed", "verified", "problem")
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	for i := range page {
		b := &page[i]
		tasks, agreed := "-", "-"
		if b.LiveTasks != nil {
			tasks, agreed = fmt.Sprint(*b.LiveTasks), yes(b.Agreed)
		}
		verified := "-"
		if b.Verified != nil {
			verified = render.Span(now.Sub(*b.Verified)) + " ago"
		}
		t.Row(path.Base(b.Name), b.Kind, render.Clock(b.Created, now), render.Size(uint64(b.SizeBytes)), tasks, agreed, yes(b.Encrypted), yes(b.SignedBy != ""), verified, b.Problem)
	}
}

// logSpans counts log archives by cluster and timeline.
type logSpans struct{ spans []logSpan }

type logSpan struct {
	cluster, timeline string
	archives          int
	first, last       uint64
	bytes             int64
}

func (l *logSpans) add(e *backups.Entry) {
	for i := range l.spans {
		if s := &l.spans[i]; s.cluster == e.ClusterID && s.timeline == e.Timeline {
			s.archives++
			s.first, s.last, s.bytes = min(s.first, e.First), max(s.last, e.Index), s.bytes+e.Size
			return
		}
	}
	l.spans = append(l.spans, logSpan{e.ClusterID, e.Timeline, 1, e.First, e.Index, e.Size})
}

func (l *logSpans) print(p *program) {
	for _, s := range l.spans {
		fmt.Fprintf(p.stdout, "\n%s of cluster %s, timeline %s: entries %d to %d, %s\n",
			render.Count(s.archives, "log archive"), s.cluster, s.timeline, s.first, s.last, render.Size(uint64(s.bytes)))
	}
}
