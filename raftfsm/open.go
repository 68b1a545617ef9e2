package raftfsm

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
)

// Open loads the state of a data directory, which it makes if there is none, and starts raft.
//
// store.ErrLocked: another process has the directory. store.ErrCorrupt: it is damaged. ErrOtherNode: it is another
// member's. ErrDiverged: its state isn't the group's. task.ErrNewerLevel: its state is a newer version's.
func Open(c Config) (*Node, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{config: c, metrics: newMetrics(c.Registerer), fatal: newFatal(), ready: make(chan struct{})}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.closeFiles())
	}
	return n, nil
}

func (n *Node) open() error {
	c := n.config
	disk := store.Options{
		Dir: c.DataDir, Logger: c.Logger, Registerer: c.Registerer, Now: c.Now, SupportedLevel: c.SupportedLevel,
		Watchdog: store.NewWatchdog(c.Raft.HungDisk, func(op string, d time.Duration) {
			n.fatal.fail("the disk hangs", fmt.Errorf("%s takes longer than %s", op, d))
		}),
	}
	var err error
	if n.store, err = store.Open(disk); err != nil {
		return err
	}
	if err := errors.Join(refuseDiverged(c.DataDir), refuseUnfinished(c.DataDir)); err != nil {
		return err
	}
	if n.identity, err = identify(c); err != nil {
		return err
	}
	if n.network, err = listenRaft(c, n.identity.ClusterID); err != nil {
		return err
	}
	start := time.Now()
	machine, position, err := n.store.Load()
	if err != nil {
		return err
	}
	var r atomic.Pointer[raft.Raft]
	alone := func() bool { return aloneIn(r.Load(), serverID(n.identity)) }
	log, err := store.OpenLog(disk)
	if err != nil {
		return err
	}
	n.log = &raftLog{LogStore: log, fatal: n.fatal, alone: alone, stop: make(chan struct{})}
	n.pace = store.NewPacer(max(c.BackupRate, 0), log)
	dropped, err := n.log.reconcile(position)
	if err != nil {
		return err
	}
	if dropped {
		c.Logger.Warn("the raft log didn't go with the state and was dropped", "index", position.Index, "term", position.Term)
	}
	if err := n.log.verify(position); err != nil {
		return err
	}
	c.Logger.Info("state loaded", "index", position.Index, "live_tasks", machine.LiveTasks(), "after", time.Since(start))
	n.replica = newReplica(machine, position, &checksums{dir: c.DataDir, metrics: n.metrics}, c.Events)
	if err := n.form(position); err != nil {
		return err
	}
	if err := n.assemble(&r, alone); err != nil {
		return err
	}
	if err := n.metrics.register(n); err != nil {
		return errors.Join(err, n.raft.Shutdown().Error())
	}
	return nil
}

// assemble makes the parts and starts raft, which may execute entries before it returns.
func (n *Node) assemble(r *atomic.Pointer[raft.Raft], alone func() bool) error {
	c := n.config
	clk := newClock(c.Now)
	n.checkpoints = newCheckpointer(c.Checkpoints, n.replica, n.store)
	n.executed = &appliedLog{log: n.log, applied: n.replica.applied.index.Load}
	compactor := &compactor{log: n.log, config: c.Raft, logger: c.Logger, now: time.Now, pins: map[*pin]struct{}{}}
	n.checkpoints.compact = compactor.compact
	n.checkpoints.fatal, n.checkpoints.logger, n.checkpoints.metrics = n.fatal, c.Logger, n.metrics
	snaps := &snapshots{store: n.store, checkpoints: n.checkpoints, compactor: compactor, metrics: n.metrics, dir: c.DataDir}

	var err error
	if n.proposer, err = newProposer(c.Proposals, clk, n.metrics); err != nil {
		return err
	}
	room := store.NewRoom(c.DataDir, c.MinFree, c.Now)
	n.room = room
	n.checkpoints.free = room.Free
	compactor.archive = archivePin{replica: n.replica, log: n.log, room: room, config: c}
	n.proposer.room = roomCheck{room, n.checkpoints, n.metrics}
	n.proposer.timeline, n.proposer.closed, n.proposer.level = n.Timeline(), n.refusal, n.replica.level
	n.transfers = &transferGuard{fatal: n.fatal}
	n.proposer.answers = n.transfers.answer
	lease := &leaderLease{alone: alone, length: c.Raft.LeaderLeaseTimeout}
	sessions := &Sessions{
		ttl: c.SessionTTL, valid: lease.valid, read: n.replica.read, submit: n.proposer.submit, clock: clk.now, refusal: n.refusal,
		logger: c.Logger, metrics: n.metrics, wake: make(chan struct{}, 1),
	}
	n.lookout = newLookout(serverID(n.identity))
	n.leadership = &leadership{
		replica: n.replica, proposer: n.proposer, clock: clk, ticker: newTicker(clk), firing: newTicker(clk), sessions: sessions,
		lease: lease, fatal: n.fatal, logger: c.Logger, stepDown: n.stepDown, pilot: pilot{n}.run,
		notify: make(chan bool, notifyBuffer), first: make(chan struct{}),
	}
	n.leadership.ticker.submit, n.leadership.firing.submit = n.proposer.submit, n.proposer.submit
	n.leadership.firing.commands = (&scheduler{clock: clk, read: n.replica.read, logger: c.Logger}).commands
	n.leadership.leveler = &leveler{
		self: serverID(n.identity), supported: c.SupportedLevel, level: n.replica.level, servers: n.servers, lookout: n.lookout,
		submit: n.proposer.submit, logger: c.Logger,
	}
	n.leadership.operator = newOperator(clk, c.Logger)
	n.leadership.operator.view = func(fn func(*View) error) error { return view(n.replica, n.store, fn) }
	n.leadership.operator.submit = n.proposer.submit
	n.leadership.judge = &judge{
		level: n.replica.level, interval: c.ChecksumInterval, ask: n.lookout.checksums, self: serverID(n.identity), servers: n.servers,
		position: func() uint64 { return n.replica.at().Index }, submit: n.proposer.submit, own: n.replica.checksums,
		fatal: n.fatal, logger: c.Logger, metrics: n.metrics, asked: make(chan struct{}, 1),
	}
	n.leadership.archiver = n.newArchiver(clk)
	n.proposer.helper = n.leadership.helper
	machine := &fsm{
		replica: n.replica, proposer: n.proposer, checkpoints: n.checkpoints, snapshots: snaps, leadership: n.leadership,
		store: n.store, log: n.log, fatal: n.fatal, logger: c.Logger, metrics: n.metrics,
		payloads: &hydrator{
			store: n.store, replica: n.replica, submit: n.proposer.submit, logger: c.Logger,
			damaged: func(error) { go n.stepDown() },
		},
	}
	if n.raft, err = n.startRaft(machine, snaps); err != nil {
		return err
	}
	r.Store(n.raft)
	n.lookout.raft = n.raft
	n.held.Store(n.identity.Standby)
	n.proposer.log, n.leadership.raft = n.raft, n.raft
	lease.verify = func() error { return n.raft.VerifyLeader().Error() }
	lease.leads = func() bool { return n.raft.State() == raft.Leader }
	n.transfers.probe = func() error { return n.raft.Barrier(stuckTransfer).Error() }
	if alone() {
		n.electAtOnce()
	}
	return nil
}

func (n *Node) startRaft(machine *fsm, snaps *snapshots) (*raft.Raft, error) {
	c := n.config
	rc := raft.DefaultConfig()
	rc.LocalID = serverID(n.identity)
	rc.HeartbeatTimeout, rc.ElectionTimeout = c.Raft.HeartbeatTimeout, c.Raft.ElectionTimeout
	rc.LeaderLeaseTimeout, rc.CommitTimeout = c.Raft.LeaderLeaseTimeout, c.Raft.CommitTimeout
	rc.MaxAppendEntries = 64
	rc.BatchApplyCh = true
	rc.ShutdownOnRemove = false
	// raft's own snapshots only keep its idea of the last one fresh; compactor deletes the log's entries.
	rc.SnapshotInterval, rc.SnapshotThreshold, rc.TrailingLogs = 30*time.Second, 1024, math.MaxUint64
	rc.NoSnapshotRestoreOnStart = true
	rc.NoLegacyTelemetry = true
	rc.NotifyCh = n.leadership.notify
	rc.Logger = newRaftLogger(c.Logger)
	transport := newTransport(n.network, c.Logger)
	if c.Bootstrap {
		first := raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: rc.LocalID, Address: transport.LocalAddr()}}}
		for _, f := range c.Founders {
			first.Servers = append(first.Servers, raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(f.ServerID), Address: raft.ServerAddress(f.Address)})
		}
		err := raft.BootstrapCluster(rc, n.log, n.log, snaps, transport, first)
		if err != nil && !errors.Is(err, raft.ErrCantBootstrap) {
			return nil, errors.Join(fmt.Errorf("bootstrap: %w", err), transport.Close())
		}
	}
	r, err := raft.NewRaft(rc, machine, n.log, n.log, snaps, transport)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start raft: %w", err), transport.Close())
	}
	return r, nil
}

// electAtOnce spares the only voter the wait for a heartbeat that nobody sends: raft looks at its heartbeat timer anew
// when the timeout becomes shorter.
func (n *Node) electAtOnce() {
	rc := n.raft.ReloadableConfig()
	rc.HeartbeatTimeout -= time.Millisecond
	if err := n.raft.ReloadConfig(rc); err != nil { // it waits, then
		n.config.Logger.Debug("can't hurry the election", "error", err)
	}
}

// aloneIn reports whether the server is the only voter: then nobody else can lead, and nobody else's consent is needed.
func aloneIn(r *raft.Raft, id raft.ServerID) bool {
	if r == nil { // it starts
		return true
	}
	alone := false
	for _, s := range r.GetConfiguration().Configuration().Servers {
		if s.Suffrage != raft.Voter {
			continue
		}
		if s.ID != id {
			return false
		}
		alone = true
	}
	return alone
}

// closeFiles closes what open has opened, in reverse.
func (n *Node) closeFiles() error {
	var errs []error
	if n.network != nil {
		errs = append(errs, n.network.Close())
	}
	if n.log != nil {
		errs = append(errs, n.log.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}
