package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/logarchive"
)

func (p *program) backupCoverageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coverage --from DESTINATION",
		Short: "Tell which moments the backups at a destination can bring back",
		Long: `Tell which moments the backups at a destination can bring back.

Each line is a stretch of time from a full backup to the end of the log behind it: 'rowlock backup restore --to-time' and
'--to-index' take every moment in it. MISSING is how many entries of the log aren't there between the stretch before and this
one. Only names and manifests are looked at; 'rowlock backup verify' and a restore read everything.`,
		Example: "  rowlock backup coverage --from /var/backups/rowlock\n  rowlock backup coverage --from s3://backups/rowlock -o json | jq '.[-1].to.time'",
		Args:    args(0, 0),
	}
	var read readFlags
	from := cmd.Flags().String("from", "", "directory or bucket with the backups")
	cluster := cmd.Flags().String("cluster", "", "only those of the cluster with this ID")
	read.add(cmd.Flags(), "")
	out := p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, keys, err := openFrom(cmd, *from, &read)
		if err != nil {
			return err
		}
		spans, err := logarchive.Spans(cmd.Context(), b, *cluster, keys)
		if err != nil {
			return err
		}
		l := list(out, coverageTable)
		if err := l.Page(spans); err != nil {
			return err
		}
		return l.Close(fmt.Sprintf("no full backup at %s", b))
	}
	return cmd
}

func coverageTable(t *render.Table, spans []logarchive.Span) {
	t.Head("cluster", "timeline", "from", "to", "entries", "fulls", "logs", "size", "missing", "problem")
	for _, s := range spans {
		from := "-" // before the first entry that has a time
		if s.From.Time.UnixMicro() > 0 {
			from = s.From.Time.Format(time.RFC3339Nano)
		}
		t.Row(s.ClusterID, s.Timeline, from, s.To.Time.Format(time.RFC3339Nano),
			fmt.Sprintf("%d to %d", s.From.Index, s.To.Index), fmt.Sprint(s.Fulls), fmt.Sprint(s.Logs), render.Size(uint64(s.Bytes)),
			fmt.Sprint(s.Missing), oneLine(s.Problem))
	}
}
