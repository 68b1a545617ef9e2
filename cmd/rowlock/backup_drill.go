package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/scratch"
)

func (p *program) backupDrillCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Practise: save, restore beside, compare",
		Long: `Practise: back up the running group, restore the backup beside, which nobody serves, and compare the state's hash with the one
that a majority of the members has. It says how long each took, and leaves nothing behind, unless --to keeps the backup. The
exit code is 1 if anything differs: run it from a cron job and look at that.`,
		Example: "  rowlock backup drill\n  rowlock backup drill --to s3://backups/rowlock --recipients-file backup.agepub --identity backup.agekey",
		Args:    args(0, 0),
	}
	to := cmd.Flags().String("to", "", "keep the backup at this directory or bucket (default: a temporary directory)")
	temp := cmd.Flags().String("temp-dir", "", "directory for what is temporary (default: the system's)")
	var seal sealFlags
	var read readFlags
	seal.add(cmd.Flags(), "")
	read.add(cmd.Flags(), "")
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d := drill{p: p, temp: *temp, to: *to}
		var err error
		if d.seal, err = seal.options(); err != nil {
			return err
		}
		if d.keys, err = read.keys(); err != nil {
			return err
		}
		if len(d.seal.Recipients) > 0 && len(d.keys.Identities) == 0 {
			return usagef("the drill must read what it saves: give the --identity of a recipient too")
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			view, err := d.run(ctx, cmd, c)
			if err != nil {
				return err
			}
			return out.print(view, view.table)
		})
	}
	return cmd
}

// drill saves and restores.
type drill struct {
	p        *program
	to, temp string
	seal     archive.Options
	keys     archive.Keys
}

type drillView struct {
	Index         uint64  `json:"index"`
	StateHash     string  `json:"state_hash"`
	AgreedIndex   uint64  `json:"agreed_index"`
	LiveTasks     uint64  `json:"live_tasks"`
	Queues        uint64  `json:"queues"`
	StateBytes    int64   `json:"state_bytes"`
	BackupBytes   int64   `json:"backup_bytes"`
	SaveSeconds   float64 `json:"save_seconds"`
	VerifySeconds float64 `json:"verify_seconds"`
	KeptAs        string  `json:"kept_as,omitempty"`
}

func (v drillView) table(t *render.Table) {
	t.Pair("result", "the restored state is the one that the members have")
	t.Pair("index", fmt.Sprintf("%d, agreed at %d", v.Index, v.AgreedIndex))
	t.Pair("state", fmt.Sprintf("%s, %s, %s, hash %s", render.Size(uint64(v.StateBytes)),
		render.Count(v.LiveTasks, "live task"), render.Count(v.Queues, "queue"), v.StateHash))
	t.Pair("backup", fmt.Sprintf("%s in %.1f s", render.Size(uint64(v.BackupBytes)), v.SaveSeconds))
	t.Pair("restore", fmt.Sprintf("in %.1f s", v.VerifySeconds))
	if v.KeptAs != "" {
		t.Pair("kept as", v.KeptAs)
	}
}

func (d *drill) run(ctx context.Context, cmd *cobra.Command, c *connection) (v drillView, err error) {
	to := d.to
	if to == "" {
		temp, err := scratch.New(d.temp, "drill")
		if err != nil {
			return v, fmt.Errorf("make a directory for the drill: %w", err)
		}
		defer temp.Remove() //nolint:errcheck // what stays is removed by the next
		to = temp.Path()
	}
	dest, name, err := backups.Target(ctx, to)
	if err != nil {
		return v, err
	}
	start := time.Now()
	saved, err := d.p.save(ctx, c, dest, backups.SaveOptions{Name: name, Archive: d.seal})
	if err != nil {
		return v, err
	}
	v.SaveSeconds = time.Since(start).Seconds()
	if saved.Reason != "" {
		return v, &exitError{code: exitFailed, text: "the members don't agree on the state: " + saved.Reason}
	}
	if err := d.verify(ctx, cmd, dest, saved, &v); err != nil {
		return v, err
	}
	m := saved.Manifest
	v.Index, v.StateHash, v.AgreedIndex, v.LiveTasks, v.Queues = m.Index, m.Hash, m.Agreed.Index, m.LiveTasks, m.Queues
	v.StateBytes, v.BackupBytes = m.Body.PlainSize, saved.Size
	if d.to != "" {
		v.KeptAs = saved.Name
		err = backups.Mark(ctx, dest, saved.Name, m, d.p.now())
	}
	return v, err
}

// verify restores what was saved, and compares it with what the members had.
func (d *drill) verify(ctx context.Context, cmd *cobra.Command, dest bucket.Bucket, saved backups.Saved, v *drillView) error {
	o, err := backups.OpenAt(ctx, dest, saved.Name, d.keys)
	if err != nil {
		return err
	}
	defer func() { _ = o.Close() }() // only read
	if o.Manifest().Hash != saved.Manifest.Hash || o.Manifest().Index != saved.Manifest.Index {
		return &exitError{code: exitFailed, text: "what lies at the destination isn't what was saved"}
	}
	proved, err := d.p.verify(cmd, o, d.temp)
	v.VerifySeconds = proved.TookSeconds
	return err
}
