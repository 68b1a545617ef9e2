package main

import (
	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/archive"
)

// which says which backup a command is about: the address of an archive, or --from with a name, an index or nothing.
type which struct {
	from string
	read readFlags
}

func (w *which) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.from, "from", "", "directory or bucket with the backups; BACKUP is a name there, an index, or 'latest'")
	w.read.add(cmd.Flags(), "")
}

// open opens the backup of the arguments.
func (w *which) open(cmd *cobra.Command, args []string) (*backups.Opened, error) {
	keys, err := w.read.keys()
	if err != nil {
		return nil, err
	}
	return w.find(cmd, args, keys)
}

func (w *which) find(cmd *cobra.Command, args []string, keys archive.Keys) (*backups.Opened, error) {
	switch {
	case w.from != "" && len(args) == 0:
		return backups.Find(cmd.Context(), w.from, backups.Latest, keys)
	case w.from != "":
		return backups.Find(cmd.Context(), w.from, args[0], keys)
	case len(args) == 0:
		return nil, usagef("say which backup: the file or address of one, or --from DEST and its name there")
	default:
		return backups.Find(cmd.Context(), args[0], backups.Latest, keys)
	}
}

func (p *program) backupInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect [BACKUP]",
		Short: "Show what a backup says of itself",
		Long: `Show what a backup says of itself: its manifest, whose digest and signature are checked. The body isn't read, and no key is
needed: 'rowlock backup verify' proves it.

BACKUP is a file or an address that ends in .rowlock; or a directory or bucket, whose newest full backup is meant; or, with
--from, a name, an index or 'latest'.`,
		Example: "  rowlock backup inspect before-upgrade.rowlock\n  rowlock backup inspect --from s3://backups/rowlock 1048576",
		Args:    args(0, 1),
	}
	var w which
	w.add(cmd)
	out := p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := w.open(cmd, args)
		if err != nil {
			return err
		}
		defer func() { _ = o.Close() }() // only read
		view := viewOpened(o)
		return out.print(view, func(t *render.Table) { view.Table(t, p.now()) })
	}
	return cmd
}

func viewOpened(o *backups.Opened) render.Backup {
	signer := ""
	if key := o.Signer(); key != nil {
		signer = archive.KeyText(key)
	}
	return render.NewBackup(o.Name, o.Size, o.Manifest(), signer)
}
