package main

import "github.com/spf13/cobra"

func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "backup",
		Short:   "Save the state, look into backups, and put back what was lost",
		Example: "  rowlock backup save --to /var/backups/rowlock\n  rowlock backup verify --from /var/backups/rowlock",
		GroupID: groupOperate,
	}
	cmd.AddCommand(p.backupSaveCommand(), p.backupListCommand(), p.backupInspectCommand(), p.backupVerifyCommand())
	cmd.AddCommand(p.backupExtractCommand(), p.backupImportCommand(), p.backupRestoreCommand())
	cmd.AddCommand(p.backupLogCommand(), p.backupCoverageCommand())
	cmd.AddCommand(p.backupPruneCommand(), p.backupKeygenCommand(), p.backupDrillCommand(), p.backupDiffCommand())
	return cmd
}
