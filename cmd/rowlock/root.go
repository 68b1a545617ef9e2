package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// rootCommand assembles all commands.
func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "rowlock",
		Short: "A distributed task scheduler in one binary",
		Long: `Rowlock keeps tasks, replicates them with Raft, and hands them to workers under leases.

Settings come from a flag, else from the environment (--api-addr is ROWLOCK_API_ADDR), else from the
YAML file that --config names (api-addr: …), else from the default.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 refused, 5 the server can't be reached or doesn't answer.`,
		Example: `  rowlock dev                                       # a node to play with
  rowlock worker --queues mail --exec ./send.sh     # run a program for each task
  rowlock enqueue mail --payload '{"to":"ada"}'     # ask for work`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().String("config", "", "YAML file with settings (env ROWLOCK_CONFIG)")
	root.Version = version().line()
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(flagError)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := refuseEmpty(cmd.Flags()); err != nil {
			return err
		}
		return p.resolveSettings(cmd)
	}
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupTasks, Title: "Tasks and queues:"},
		&cobra.Group{ID: groupOperate, Title: "Operate:"},
	)
	root.AddCommand(
		p.devCommand(), p.serverCommand(), p.workerCommand(),
		p.enqueueCommand(), p.workflowCommand(), p.batchCommand(), p.taskCommand(), p.queueCommand(), p.scheduleCommand(), p.dlqCommand(), p.operationCommand(), p.stuckCommand(), p.workersCommand(), p.clusterCommand(),
		p.vacuumCommand(), p.checkCommand(),
		p.backupCommand(), p.doctorCommand(),
		p.benchCommand(), p.versionCommand(),
	)
	// They exist before the others are looked through, so that a missing or unknown name is answered in the same way.
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	mendOwn(root)
	branch(root)
	for _, cmd := range root.Commands() {
		if cmd.HasSubCommands() {
			branch(cmd)
		}
	}
	return root
}

// The groups of the root's help.
const (
	groupRun     = "run"
	groupTasks   = "tasks"
	groupOperate = "operate"
)

// mendOwn gives cobra's own commands examples, and makes 'rowlock help' refuse what isn't a command.
func mendOwn(root *cobra.Command) {
	for _, own := range root.Commands() {
		switch own.Name() {
		case "help":
			own.Example = "  rowlock help task get"
			own.Run = nil
			own.RunE = func(_ *cobra.Command, args []string) error {
				cmd, rest, err := root.Find(args)
				if err != nil || len(rest) > 0 {
					return unknownCommand(cmd, args[len(args)-max(1, len(rest))])
				}
				return cmd.Help()
			}
		case "completion":
			own.Example = "  rowlock completion bash >/etc/bash_completion.d/rowlock"
			for _, shell := range own.Commands() {
				shell.Example = "  " + shell.CommandPath()
			}
		}
	}
}

// branch makes a command that only holds others answer a missing or unknown one with one clear line.
func branch(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		if !cmd.HasParent() {
			return cmd.Help()
		}
		var names []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return usagef("%q needs one of %s; see '%s --help'", cmd.CommandPath(), strings.Join(names, ", "), cmd.CommandPath())
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	what := fmt.Sprintf("unknown command %q", strings.TrimPrefix(cmd.CommandPath()+" "+name, "rowlock "))
	if near := nearest(name, names); near != "" {
		return usagef("%s: did you mean %q?", what, near)
	}
	return usagef("%s; '%s --help' lists the commands", what, cmd.CommandPath())
}
