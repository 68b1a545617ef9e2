package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

func (p *program) backupSaveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "save",
		Short: "Back up the state, while the group works",
		Long: `Back up the state, while the group works.

The member at --addr copies its state as it is after one entry of the log, and sends the copy. The archive is compressed, has
digests of all of it, and is complete at its destination or not there at all. Meanwhile the leader has the members compare
their states: a backup is good if a majority of the voters has the same. Without such a majority it is saved, marked as not
agreed, and the exit code is 1, unless --allow-unagreed is given.

A member that is busy gives the state slowly, so as not to slow down its work: at least at its server's --backup-rate (4 MiB in
a second), and faster the less it has to write. One at rest gives it as fast as it can.

--to is a directory, a file that ends in .rowlock and is replaced if it is there, or
s3://bucket/prefix?endpoint=host:port&region=…&insecure=true, where all but the bucket may be left out; the credentials are
those of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of ~/.aws/credentials, or of the machine's role.`,
		Example: `  rowlock backup save --to /var/backups/rowlock
  rowlock backup save --to s3://backups/rowlock --recipients-file backup.agepub --sign-key backup-sign.key
  rowlock backup save --to before-upgrade.rowlock --addr rowlock-1:7300 --rate 8MiB`,
		Args: args(0, 0),
	}
	to := cmd.Flags().String("to", "", "directory, file or bucket for the backup")
	allow := cmd.Flags().Bool("allow-unagreed", false, "exit with 0 though the members don't agree on the state")
	var rate byteSize
	cmd.Flags().Var(&rate, "rate", "take at most so many bytes of state in a second (default: as many as the member gives)")
	var seal sealFlags
	seal.add(cmd.Flags(), "")
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *to == "" {
			return usagef("say with --to where the backup goes")
		}
		if err := checkRate("rate", rate); err != nil {
			return err
		}
		options, err := seal.options()
		if err != nil {
			return err
		}
		dest, name, err := backups.Target(cmd.Context(), *to)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			saved, err := p.save(ctx, c, dest, backups.SaveOptions{Name: name, Archive: options, BytesPerSecond: int64(rate)})
			if err != nil {
				return err
			}
			view := savedView{
				Backup:      render.NewBackup(saved.Name, saved.Size, saved.Manifest, signerOf(options)),
				Destination: dest.String(), Reason: saved.Reason,
			}
			if err := out.print(view, func(t *render.Table) { view.table(t, p.now()) }); err != nil {
				return err
			}
			if saved.Reason != "" && !*allow {
				return &exitError{code: exitFailed, text: fmt.Sprintf("the backup is saved, but the members don't agree on its state: %s. "+
					"Look at 'rowlock cluster members', and save again; --allow-unagreed takes it as it is", saved.Reason)}
			}
			return nil
		})
	}
	return cmd
}

// savedView is a backup that has just been saved.
type savedView struct {
	render.Backup
	Destination string `json:"destination"`
	Reason      string `json:"not_agreed_because,omitempty"`
}

func (v savedView) table(t *render.Table, now time.Time) {
	t.Pair("saved at", v.Destination)
	v.Backup.Table(t, now)
}

// save takes a backup of the member that a connection leads to, and shows how far it is.
func (p *program) save(ctx context.Context, c *connection, to bucket.Bucket, o backups.SaveOptions) (backups.Saved, error) {
	show := phases{p: p, unit: "B"}
	defer show.stop()
	o.Now = p.now
	o.Progress = func(done, total int64) { show.show("backing up", done, total) }
	o.Retrying = func(err error) {
		show.stop()
		fmt.Fprintf(p.stderr, "rowlock: beginning again: %s\n", oneLine(err.Error()))
	}
	return backups.Save(ctx, backups.FromMember(rowlockv1.NewBackupServiceClient(c.Conn())), to, o)
}

// signerOf is the public key of what signs, as text.
func signerOf(o archive.Options) string {
	if o.Signer == nil {
		return ""
	}
	return archive.KeyText(o.Signer.Public().(ed25519.PublicKey))
}
