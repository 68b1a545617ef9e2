package main

import "github.com/spf13/cobra"

func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup",
		Short:   "Back the cluster up, and bring a backup back",
		Example: "  rowlock backup restore --from /backup --data-dir /var/lib/rowlock --node-id rowlock-0",
		GroupID: groupOperate,
	}
	cmd.AddCommand(
		p.backupRestoreCommand(),
	)
	return cmd
}
