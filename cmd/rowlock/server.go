package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/store"
)

func (p *program) serverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a member of a group of servers",
		Long: `Run a member of a group of servers.

A data directory that holds state is continued. An empty one begins a new group only with --bootstrap-expect 1, so that a
member whose disk was lost doesn't come back as another, empty group.

SIGTERM stops it in an orderly way; a second signal ends it at once.`,
		Example: `  rowlock server --data-dir /var/lib/rowlock --bootstrap-expect 1
  rowlock server --data-dir /var/lib/rowlock --api-addr 127.0.0.1:0 --log-format text`,
		GroupID: groupRun,
		Args:    args(0, 0),
	}
	serve := p.serveFlags(cmd)
	var member memberFlags
	member.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if serve.dataDir == "" {
			return usagef("say with --data-dir where the data goes")
		}
		if err := member.complete(); err != nil {
			return err
		}
		return p.serve(cmd.Context(), serve, member, nil)
	}
	return cmd
}

// memberFlags say which member of which group a server is.
type memberFlags struct {
	nodeID          string
	advertiseHost   string
	bootstrapExpect int
}

func (m *memberFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.nodeID, "node-id", "", "name of the member (default: the host's name)")
	flags.StringVar(&m.advertiseHost, "advertise-host", "", "host name under which the other members reach this one")
	flags.IntVar(&m.bootstrapExpect, "bootstrap-expect", 0, "begin a new group of this many members if there is no state; 1 for now")
	settings(flags, "node-id", "advertise-host", "bootstrap-expect")
}

var nodeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// complete fills in the defaults, or says what is wrong.
func (m *memberFlags) complete() error {
	if m.bootstrapExpect < 0 || m.bootstrapExpect > 1 {
		return usagef("--bootstrap-expect %d: want 0 or 1, as groups of several aren't served yet", m.bootstrapExpect)
	}
	if m.nodeID == "" {
		host, err := os.Hostname()
		if err != nil {
			return usagef("name the member with --node-id: the host's name can't be read (%s)", err)
		}
		m.nodeID = host
	}
	if !nodeID.MatchString(m.nodeID) {
		return usagef("--node-id %q: want up to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit", m.nodeID)
	}
	return nil
}

// begin refuses to begin a new group unasked.
func (m *memberFlags) begin(dataDir string) error {
	if m.bootstrapExpect > 0 {
		return nil
	}
	if _, err := os.Stat(store.Dir(dataDir).State()); errors.Is(err, fs.ErrNotExist) {
		return &exitError{code: exitRefused, text: fmt.Sprintf("no state in data directory %s: begin a new group with --bootstrap-expect 1", dataDir)}
	}
	return nil
}
