package raftfsm

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// Config is all that a Node needs to know. Zero fields take the defaults of their comments.
type Config struct {
	// DataDir holds everything durable. Required.
	DataDir string
	// NodeID is the member's name: letters, digits, dots, dashes and underscores. Required. Together with a random
	// incarnation from the data directory it makes the Raft server ID, so that a wiped member is a new one.
	NodeID string
	// ClusterID is checked on every connection between members. Empty: the data directory's; a bootstrapping node makes
	// one up.
	ClusterID string
	// RaftAddr is host:port to listen on for other members; port 0 picks one. Default 127.0.0.1:0.
	RaftAddr string
	// AdvertiseHost is the name under which other members reach this one, resolved anew at every dial. Default: the host
	// that it listens on, which then must not be unspecified (0.0.0.0).
	AdvertiseHost string
	// Bootstrap makes a data directory without state a group of this member and the founders, all voters. It does nothing
	// where there is state. Founders must have agreed: no other group may have any of them.
	Bootstrap bool
	Founders  []Founder
	// Form finds or founds a group for a data directory without state, before raft starts; nil: none is looked for.
	Form func(Forming) (Founding, error)
	// SupportedLevel is the highest feature level that this member supports. Default task.SupportedLevel, and only tests
	// have another.
	SupportedLevel uint32
	// MaxVoters is up to how many members become voters by themselves; the others stay standbys. Default 5.
	MaxVoters int
	// SessionTTL is how long a silent worker keeps its leases. Default 30 s, at least 1 s.
	SessionTTL time.Duration
	// MinFree is the free space in bytes below which new tasks are refused. 0: store.DefaultMinFree.
	MinFree uint64

	// Checkpoints tunes how the state file follows the log.
	Checkpoints CheckpointConfig
	// Proposals bounds what waits to be replicated.
	Proposals ProposalConfig
	// Vacuum says when the files are compacted without being asked.
	Vacuum VacuumConfig
	// BackupRate is what those who copy the state for backups get together while this member's log is written without a pause, in
	// bytes a second; the less it is written, the more they get. Default store.DefaultBackupRate (4 MiB), at least
	// store.MinBackupRate; negative: they aren't held up.
	BackupRate int64
	// Raft has the protocol's times and the log's bounds.
	Raft RaftConfig

	// ChecksumInterval is how often the leader has the members' states compared. Default 10 s.
	ChecksumInterval time.Duration

	// Archive keeps an archive of the log; nil: none is kept.
	Archive *ArchiveConfig

	// Events is how many of the newest transitions of tasks are kept in memory for those who watch, 48 bytes each; it is rounded
	// up to a power of two. Default 262,144; negative: none.
	Events int

	// Logger is required.
	Logger *slog.Logger
	// Registerer takes the metrics until Run returns; nil: none.
	Registerer prometheus.Registerer
	// Now is the wall clock. Default time.Now.
	Now func() time.Time
}

// CheckpointConfig tunes how the state file follows the log.
type CheckpointConfig struct {
	// Interval between checkpoints. Default 1 s.
	Interval time.Duration
	// Bytes of changes begin one early. Default 32 MiB.
	Bytes int
	// HardBytes of changes make Apply wait for a running one. Default 256 MiB.
	HardBytes int
	// PayloadBudget is how many bytes of payloads that are on disk stay in memory, less what the results of parents take. Default 64 MiB.
	PayloadBudget int
}

// ProposalConfig bounds what waits to be replicated.
type ProposalConfig struct {
	// EntryBytes is the size at which an entry is full. Default 256 KiB, at most 504 KiB. A larger command travels alone.
	EntryBytes int
	// InFlight is the number of entries that are being replicated at a time, 1 to 8. Default 2.
	InFlight int
	// PendingBytes and PendingCommands bound what is queued and in flight. Urgent commands may use an eighth more.
	// Defaults 64 MiB and 262,144.
	PendingBytes, PendingCommands int
}

// RaftConfig has the protocol's times and the log's bounds.
type RaftConfig struct {
	// HeartbeatTimeout and ElectionTimeout: default 0.75 s each. A dead leader is replaced when the timers of a majority
	// have run out, each after one to two of it. LeaderLeaseTimeout: default 0.5 s. CommitTimeout: default 50 ms.
	HeartbeatTimeout, ElectionTimeout, LeaderLeaseTimeout, CommitTimeout time.Duration
	// TrailingLogs and TrailingBytes bound the entries that are kept behind the state file for members that lag.
	// Defaults 2048 and 64 MiB.
	TrailingLogs, TrailingBytes uint64
	// ArchiveBytes bounds the log while entries of it wait to be archived. Beyond it they are deleted all the same, and the
	// archive has a gap, behind which it begins with a full backup. Default 1 GiB.
	ArchiveBytes uint64
	// HungDisk is how long a write may take before the process gives up. Default store.DefaultHungAfter (8 s).
	HungDisk time.Duration
}

// MaxEntryBytes bounds an entry of the log: raft counts entries, not bytes, when it sends them to other members.
const MaxEntryBytes = 512<<10 - 1

// maxEvents bounds the memory for events: 800 MB.
const maxEvents = 1 << 24

var nodeIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// withDefaults fills the zero fields and checks the rest.
func (c Config) withDefaults() (Config, error) {
	set(&c.RaftAddr, "127.0.0.1:0")
	set(&c.SessionTTL, 30*time.Second)
	set(&c.SupportedLevel, task.SupportedLevel)
	set(&c.MaxVoters, 5)
	set(&c.ChecksumInterval, 10*time.Second)
	set(&c.Events, 1<<18)
	set(&c.Checkpoints.Interval, time.Second)
	set(&c.Checkpoints.Bytes, 32<<20)
	set(&c.Checkpoints.HardBytes, 256<<20)
	set(&c.Checkpoints.PayloadBudget, 64<<20)
	set(&c.Proposals.EntryBytes, 256<<10)
	set(&c.Proposals.InFlight, 2)
	set(&c.Proposals.PendingBytes, 64<<20)
	set(&c.Proposals.PendingCommands, 1<<18)
	set(&c.Vacuum.FreePercent, 50)
	set(&c.Vacuum.MinBytes, 256<<20)
	set(&c.Vacuum.Every, 6*time.Hour)
	set(&c.BackupRate, store.DefaultBackupRate)
	set(&c.Raft.HeartbeatTimeout, 750*time.Millisecond)
	set(&c.Raft.ElectionTimeout, 750*time.Millisecond)
	set(&c.Raft.LeaderLeaseTimeout, 500*time.Millisecond)
	set(&c.Raft.CommitTimeout, 50*time.Millisecond)
	set(&c.Raft.TrailingLogs, 2048)
	set(&c.Raft.TrailingBytes, 64<<20)
	set(&c.Raft.ArchiveBytes, 1<<30)
	var err error
	if c.Archive, err = c.Archive.withDefaults(); err != nil {
		return c, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, c.validate()
}

func (c Config) validate() error {
	switch {
	case c.DataDir == "":
		return errors.New("raft: no data directory given")
	case !nodeIDPattern.MatchString(c.NodeID):
		return fmt.Errorf("raft: node ID %q must be 1 to 64 letters, digits, dots, dashes or underscores, and begin with a letter or digit", c.NodeID)
	case len(c.ClusterID) > maxClusterID:
		return fmt.Errorf("raft: cluster ID of %d bytes is longer than %d", len(c.ClusterID), maxClusterID)
	case c.Logger == nil:
		return errors.New("raft: no logger given")
	case c.MaxVoters < 1:
		return fmt.Errorf("raft: at most %d voters, but a group needs one", c.MaxVoters)
	case c.SessionTTL < time.Second:
		return fmt.Errorf("raft: session TTL of %s is shorter than 1s", c.SessionTTL)
	case c.Events > maxEvents:
		return fmt.Errorf("raft: %d events are more than %d", c.Events, maxEvents)
	case c.ChecksumInterval < 0:
		return fmt.Errorf("raft: checksum interval of %s is negative", c.ChecksumInterval)
	}
	if c.BackupRate >= 0 && c.BackupRate < store.MinBackupRate {
		return fmt.Errorf("raft: backup rate of %d bytes a second is less than %d", c.BackupRate, store.MinBackupRate)
	}
	if c.Vacuum.FreePercent > 99 {
		return fmt.Errorf("raft: vacuum at %d%% of free pages is more than 99%%", c.Vacuum.FreePercent)
	}
	return errors.Join(c.Checkpoints.validate(), c.Proposals.validate(), c.Raft.validate())
}

func (c CheckpointConfig) validate() error {
	if c.Interval < 0 || c.Bytes < 0 || c.PayloadBudget < 0 || c.HardBytes < c.Bytes {
		return fmt.Errorf("raft: checkpoint settings %+v must not be negative, nor the hard bound below the soft one", c)
	}
	return nil
}

func (c ProposalConfig) validate() error {
	switch {
	case c.EntryBytes < 1 || c.EntryBytes > maxProposal:
		return fmt.Errorf("raft: entry size of %d bytes is not from 1 to %d", c.EntryBytes, maxProposal)
	case c.InFlight < 1 || c.InFlight > maxInFlight:
		return fmt.Errorf("raft: %d entries in flight are not from 1 to %d", c.InFlight, maxInFlight)
	case c.PendingBytes < MaxEntryBytes || c.PendingCommands < 1:
		return fmt.Errorf("raft: pending commands need room for %d bytes and 1 command at least", MaxEntryBytes)
	}
	return nil
}

func (c RaftConfig) validate() error {
	if c.LeaderLeaseTimeout > c.HeartbeatTimeout || c.HeartbeatTimeout > c.ElectionTimeout || c.LeaderLeaseTimeout < 10*time.Millisecond {
		return fmt.Errorf("raft: times must ascend from 10ms: leader lease %s, heartbeat %s, election %s",
			c.LeaderLeaseTimeout, c.HeartbeatTimeout, c.ElectionTimeout)
	}
	if c.TrailingLogs < minTrailing {
		return fmt.Errorf("raft: %d trailing log entries are fewer than %d", c.TrailingLogs, minTrailing)
	}
	return nil
}

// set gives a zero field its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
