package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store"
)

func (p *program) serverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run a member of a group of servers",
		Long: `Run a member of a group of servers.

A data directory that holds state is continued. An empty one looks for its group at the --join addresses and joins it, as a
standby that becomes a voter by itself while there are fewer than --max-voters. Where there is no group yet,
--bootstrap-expect servers that find each other found one together; start them at the same time, with the same flags. A
member whose disk was lost comes back as a new member of its group, never as another, empty group.

SIGTERM stops it in an orderly way: it hands over what it leads and what it works at. A second signal ends it at once.`,
		Example: `  rowlock server --data-dir /var/lib/rowlock --bootstrap-expect 1
  rowlock server --data-dir /var/lib/rowlock --advertise-host n1.example.com --api-addr :7300 --raft-addr :7301 \
      --join n1.example.com,n2.example.com,n3.example.com --bootstrap-expect 3`,
		GroupID: groupRun,
		Args:    args(0, 0),
	}
	serve := p.serveFlags(cmd)
	var member memberFlags
	member.add(cmd)
	serve.backup.add(cmd.Flags())
	var workers workerFlags
	workers.addInside(cmd.Flags())
	withWorker := cmd.Flags().Bool("with-worker", false, "work on the tasks of --queues in this process too, by --exec or --http, which are ignored without this")
	settings(cmd.Flags(), "with-worker")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if serve.dataDir == "" {
			return usagef("say with --data-dir where the data goes")
		}
		if err := member.complete(); err != nil {
			return err
		}
		if !*withWorker { // the worker's settings may be in a file that it shares with workers
			return p.serve(cmd.Context(), serve, member, nil)
		}
		logger, err := serve.log.logger()
		if err != nil {
			return err
		}
		inside, err := workers.inside(logger)
		if err != nil {
			return err
		}
		if inside == nil {
			return usagef("--with-worker: say with --exec or --http how to run a task")
		}
		return p.serve(cmd.Context(), serve, member, inside)
	}
	return cmd
}

// memberFlags say which member of which group a server is.
type memberFlags struct {
	nodeID          string
	advertiseHost   string
	join            []string
	bootstrapExpect int
	maxVoters       int
	leaveOnStop     bool
	raftProfile     string
}

func (m *memberFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.nodeID, "node-id", "", "name of the member (default: the host's name)")
	flags.StringVar(&m.advertiseHost, "advertise-host", "", "host name under which the other members reach this one")
	flags.StringSliceVar(&m.join, "join", nil, "API addresses of some or all members, host[:port],…; a name stands for all its addresses")
	flags.IntVar(&m.bootstrapExpect, "bootstrap-expect", 0, "found a group with this many servers, this one included, if --join has none")
	flags.IntVar(&m.maxVoters, "max-voters", 5, "how many members become voters by themselves; the others stay standbys")
	flags.BoolVar(&m.leaveOnStop, "leave-on-stop", false, "leave the group on SIGTERM, as for scaling down")
	flags.StringVar(&m.raftProfile, "raft-profile", profileDefault, "how soon a silent leader is replaced: 'default' tolerates slow disks and busy "+
		"machines, 'fast' is for quiet ones; all members must have the same")
	settings(flags, "node-id", "advertise-host", "join", "bootstrap-expect", "max-voters", "leave-on-stop", "raft-profile")
}

// The values of --raft-profile.
const (
	profileDefault = "default"
	profileFast    = "fast"
)

// raft returns the times of the profile.
func (m *memberFlags) raft() raftfsm.RaftConfig {
	if m.raftProfile != profileFast {
		return raftfsm.RaftConfig{}
	}
	return raftfsm.RaftConfig{
		HeartbeatTimeout: 300 * time.Millisecond, ElectionTimeout: 300 * time.Millisecond, LeaderLeaseTimeout: 200 * time.Millisecond,
	}
}

// maxFounders is how many servers found a group at most: each is a voter.
const maxFounders = 7

var nodeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// complete fills in the defaults, or says what is wrong.
func (m *memberFlags) complete() error {
	switch {
	case m.bootstrapExpect < 0 || m.bootstrapExpect > maxFounders:
		return usagef("--bootstrap-expect %d: want 0 to %d", m.bootstrapExpect, maxFounders)
	case m.bootstrapExpect > 1 && len(m.join) == 0:
		return usagef("--bootstrap-expect %d: say with --join where the other servers are", m.bootstrapExpect)
	case m.maxVoters < 1:
		return usagef("--max-voters %d: want 1 at least", m.maxVoters)
	case m.raftProfile != profileDefault && m.raftProfile != profileFast:
		return usagef("--raft-profile %q: want %s or %s", m.raftProfile, profileDefault, profileFast)
	}
	if err := checkAddrs("join", m.join); err != nil {
		return err
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

// begin refuses to begin a new group unasked. What a restore has left unfinished it leaves to whoever opens the directory, who says
// how to go on with that.
func (m *memberFlags) begin(dataDir string) error {
	if m.bootstrapExpect > 0 || len(m.join) > 0 {
		return nil
	}
	if _, marked, err := store.Unfinished(dataDir); marked || err != nil {
		return err
	}
	if _, err := os.Stat(store.Dir(dataDir).State()); errors.Is(err, fs.ErrNotExist) {
		return &exitError{code: exitRefused, text: fmt.Sprintf("no state in data directory %s: begin a new group with --bootstrap-expect 1, or name the members of one with --join", dataDir)}
	}
	return nil
}
