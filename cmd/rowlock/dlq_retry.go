package main

import (
	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
)

func (p *program) dlqRetryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry [ID…]",
		Short: "Make dead letters pending again, with fresh attempts",
		Long: `Make dead letters pending again, with fresh attempts: those with the IDs given, or all that the flags select.

A selection is retried by an operation of the servers, which goes on if this command is interrupted; see 'rowlock operation'.
With --canary one task goes first, then 1%, then the rest, and it stops if too many fail again: a failed attempt is enough.`,
		Example: `  rowlock dlq retry 000000000001A
  rowlock dlq retry --queue mail --yes
  rowlock dlq retry --group 0123456789abcdef --canary
  rowlock dlq retry --where 'error.contains("timeout") && age < duration("24h")' --rate 100`,
		Args: args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	change := &deadLetterChange{operate: operate{
		p: p, confirm: p.yesFlag(cmd), action: client.RetryAction, verb: "retry", done: "retried", noun: "dead letter",
	}}
	change.dead.add(cmd.Flags())
	change.add(cmd)
	cmd.RunE = change.runE(connect, out, (*connection).retry)
	return cmd
}
