package main

import (
	"fmt"
	"path"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) backupPruneCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove old backups, and the log archives that none that is kept needs",
		Long: `Remove old backups, and the log archives that none that is kept needs.

The --keep flags add up: the last full backup of each of so many hours, days, weeks or months that have one, in UTC. Whatever
they say, these stay: the newest good full backup, the newest that was verified, log archives behind the oldest full backup
that stays and the full backups that these begin with, everything of a cluster that has no good backup, and what can't be
opened. --dry-run says what would be removed.`,
		Example: "  rowlock backup prune --from /var/backups/rowlock --keep-daily 7 --keep-weekly 8 --dry-run\n" +
			"  rowlock backup prune --from s3://backups/rowlock --keep-daily 7 --keep-weekly 8 --yes",
		Args: args(0, 0),
	}
	var read readFlags
	from := cmd.Flags().String("from", "", "directory or bucket with the backups")
	cluster := cmd.Flags().String("cluster", "", "only those of the cluster with this ID")
	dryRun := cmd.Flags().Bool("dry-run", false, "say what would be removed, and remove nothing")
	var policy backups.Policy
	addPolicy(cmd.Flags(), "keep-", &policy)
	read.add(cmd.Flags(), "")
	confirm, out := p.yesFlag(cmd), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, keys, err := openFrom(cmd, *from, &read)
		if err != nil {
			return err
		}
		if err := checkPolicy("keep-", policy); err != nil {
			return err
		}
		found, err := backups.List(cmd.Context(), b, *cluster, keys)
		if err != nil {
			return err
		}
		plan := backups.Plan(found, policy)
		view := newPruneView(plan, *dryRun)
		if view.Removed > 0 && !*dryRun {
			if err := confirm.ask(true, "remove %d of %s at %s", view.Removed, render.Count(len(plan), "archive"), b); err != nil {
				return err
			}
			if n, err := backups.Remove(cmd.Context(), b, plan); err != nil {
				return fmt.Errorf("%d of %s are removed; call it again to go on: %w", n, render.Count(view.Removed, "archive"), err)
			}
		}
		return out.print(view, view.table)
	}
	return cmd
}

// addPolicy gives flags for how long backups are kept.
func addPolicy(flags *pflag.FlagSet, prefix string, p *backups.Policy) {
	flags.IntVar(&p.Last, prefix+"last", p.Last, "keep so many of the last ones")
	flags.IntVar(&p.Hourly, prefix+"hourly", p.Hourly, "keep the last one of so many hours")
	flags.IntVar(&p.Daily, prefix+"daily", p.Daily, "keep the last one of so many days")
	flags.IntVar(&p.Weekly, prefix+"weekly", p.Weekly, "keep the last one of so many weeks")
	flags.IntVar(&p.Monthly, prefix+"monthly", p.Monthly, "keep the last one of so many months")
}

func checkPolicy(prefix string, p backups.Policy) error {
	for name, n := range map[string]int{"last": p.Last, "hourly": p.Hourly, "daily": p.Daily, "weekly": p.Weekly, "monthly": p.Monthly} {
		if n < 0 {
			return usagef("--%s%s %d: want 0 or more", prefix, name, n)
		}
	}
	if p.IsZero() {
		return usagef("say what to keep, such as --%sdaily 7 --%sweekly 8", prefix, prefix)
	}
	return nil
}

// pruneView is what a pruning did, or would do.
type pruneView struct {
	DryRun   bool          `json:"dry_run"`
	Removed  int           `json:"removed"`
	Kept     int           `json:"kept"`
	Freed    int64         `json:"freed_bytes"`
	Archives []prunedEntry `json:"archives"`
}

type prunedEntry struct {
	Name    string `json:"name"`
	Removed bool   `json:"removed"`
	Why     string `json:"why"`
}

func newPruneView(plan []backups.Decision, dryRun bool) pruneView {
	v := pruneView{DryRun: dryRun, Archives: []prunedEntry{}}
	for i := range plan {
		d := &plan[i]
		if d.Remove {
			v.Removed++
			v.Freed += d.Size
		} else {
			v.Kept++
		}
		v.Archives = append(v.Archives, prunedEntry{d.Name, d.Remove, d.Why})
	}
	return v
}

func (v pruneView) table(t *render.Table) {
	t.Head("backup", "outcome", "why")
	verb := "removed"
	if v.DryRun {
		verb = "would go"
	}
	for _, a := range v.Archives {
		what := "kept"
		if a.Removed {
			what = verb
		}
		t.Row(path.Base(a.Name), what, a.Why)
	}
	t.Row(fmt.Sprintf("%d %s, %d kept, %s freed", v.Removed, verb, v.Kept, render.Size(uint64(v.Freed))), "", "")
}
