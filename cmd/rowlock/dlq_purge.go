package main

import (
	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) dlqPurgeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "purge [ID…]",
		Short: "Delete dead letters for good",
		Long: `Delete dead letters for good: those with the IDs given, or all that the flags select.

A selection is deleted by an operation of the servers, which goes on if this command is interrupted; see 'rowlock operation'.
There is no canary, as what is deleted can't fail: --dry-run shows what would be.`,
		Example: `  rowlock dlq purge --queue mail --yes
  rowlock dlq purge --where 'finished_age > duration("720h")' --dry-run
  rowlock dlq purge --all --yes`,
		Args: args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &deadLetterChange{operate: operate{
		p: p, confirm: p.yesFlag(cmd), action: client.DeleteAction, verb: "delete", done: "deleted", noun: "dead letter", destroys: true,
	}}
	change.dead.add(cmd.Flags())
	change.add(cmd)
	cmd.RunE = change.runE(connect, out, func(c *connection) bulk { return c.delete(rowlockv1.Task_dead_letter) })
	return cmd
}
