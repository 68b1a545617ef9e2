package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/archive"
)

func (p *program) backupVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [BACKUP]",
		Short: "Prove a backup, or all the log behind it, by a trial restore",
		Long: `Prove a backup by a trial restore, which nobody serves and which is removed.

Everything is read: the digests of the archive, its signature with --verify-key, every checksum of the state file; the state is
loaded with all its invariants, its hash compared with the one that the members had, and a new timeline begun as a restore
does. It needs as much room as the state, at --temp-dir. That it succeeded is noted at the destination for 'rowlock backup
list', unless --no-mark is given. A backup on which the members don't agree is refused without --allow-unagreed.

BACKUP is as for 'rowlock backup inspect'. Of an archive of the log every entry is read and decoded, and it is looked whether the
archive that it was written behind is there and the same. The exit code is 1 if the backup is of no use.

--log proves that every moment can be restored: the full backup BACKUP of the destination, or the oldest of the timeline, is
restored beside, and all of the log behind it is executed, as a restore does. The state's hashes in the log, and those of the
full backups on the way, must be the replayed state's; at the end every invariant is checked. Where it can't go on, it says why
and begins anew with the next full backup. It says up to which moment a restore is possible, and what is missing; the exit code is
1 if anything is. It takes as much memory and room as a member, and longer than a restore of the last moment.`,
		Example: "  rowlock backup verify --from /var/backups/rowlock\n" +
			"  rowlock backup verify --from s3://backups/rowlock latest --identity backup.agekey --verify-key backup-sign.pub\n" +
			"  rowlock backup verify --from s3://backups/rowlock --log -o json",
		Args: args(0, 1),
	}
	var w which
	w.add(cmd)
	var temp string
	cmd.Flags().StringVar(&temp, "temp-dir", "", "directory for the trial restore (default: the system's)")
	noMark := cmd.Flags().Bool("no-mark", false, "don't note the success at the destination")
	allow := cmd.Flags().Bool("allow-unagreed", false, "take a backup that the members didn't agree on")
	var log verifyLogFlags
	log.add(cmd.Flags())
	out := p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if log.log {
			return p.verifyTimeline(cmd, &w, &log, temp, !*noMark, args, out)
		}
		if err := log.unused(); err != nil {
			return err
		}
		o, err := w.open(cmd, args)
		if err != nil {
			return err
		}
		defer func() { _ = o.Close() }() // only read
		if o.Manifest().Kind == archive.Log {
			return p.verifyLogArchive(cmd, &w, o, out)
		}
		if o.Manifest().Agreed == nil && !*allow {
			return &exitError{code: exitFailed, text: fmt.Sprintf("%s: the members didn't agree on its state when it was taken: "+
				"--allow-unagreed verifies it all the same", o.Name)}
		}
		view, err := p.verify(cmd, o, temp)
		if err != nil {
			return err
		}
		if !*noMark {
			if err := backups.Mark(cmd.Context(), o.Bucket, o.Name, o.Manifest(), p.now()); err != nil {
				fmt.Fprintf(p.stderr, "rowlock: the backup is sound, but that can't be noted (--no-mark doesn't try): %s\n", oneLine(err.Error()))
			}
		}
		return out.print(view, func(t *render.Table) { view.table(t, p.now()) })
	}
	return cmd
}

// verifiedView is a backup that was proved.
type verifiedView struct {
	render.Backup
	Sound       bool    `json:"sound"`
	TookSeconds float64 `json:"took_seconds"`
}

func (v verifiedView) table(t *render.Table, now time.Time) {
	t.Pair("sound", fmt.Sprintf("yes: a trial restore has the state hash %s (%s)", v.StateHash, render.Span(time.Duration(v.TookSeconds*float64(time.Second)))))
	v.Backup.Table(t, now)
}

// verify restores a backup beside.
func (p *program) verify(cmd *cobra.Command, o *backups.Opened, temp string) (verifiedView, error) {
	show := phases{p: p, unit: "B"}
	defer show.stop()
	start := time.Now()
	_, err := backups.Verify(cmd.Context(), o.Reader, backups.VerifyOptions{
		Dir: temp, Now: p.now, Progress: func(done, total int64) { show.show("verifying", done, total) },
	})
	if err != nil {
		return verifiedView{}, fmt.Errorf("%s: %w", o.Name, err)
	}
	return verifiedView{Backup: viewOpened(o), Sound: true, TookSeconds: time.Since(start).Seconds()}, nil
}
