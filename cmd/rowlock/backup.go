package main

import "github.com/spf13/cobra"

func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup",
		Short:   "Save the state, look into backups, and put back what was lost",
		Example: "  rowlock backup import dead.jsonl --dry-run",
		GroupID: groupOperate,
	}
	cmd.AddCommand(p.backupImportCommand(), p.backupLogCommand())
	return cmd
}
