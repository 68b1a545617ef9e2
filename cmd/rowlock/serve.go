package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/rpc"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store"
)

// serve runs a member until ctx ends or it fails. inside may be nil.
func (p *program) serve(ctx context.Context, flags *serveFlags, member memberFlags, inside *insideWorker) error {
	logger, err := flags.log.logger()
	if err != nil {
		return err
	}
	if err := flags.check(); err != nil {
		return err
	}
	if err := member.begin(flags.dataDir); err != nil {
		return err
	}
	if err := flags.tryPorts(ctx); err != nil {
		return err
	}
	level, err := supportedLevel()
	if err != nil {
		return err
	}
	archive, schedule, err := flags.destinations(ctx, logger)
	if err != nil {
		return err
	}
	raft := member.raft()
	raft.ArchiveBytes = uint64(flags.archive.keep)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	former := &rpc.Former{
		Join: member.join, Expect: member.bootstrapExpect, APIAddr: flags.apiAddr, HTTPAddr: flags.httpAddr,
		Version: version().Version, Logger: logger,
	}
	node, err := raftfsm.Open(raftfsm.Config{
		DataDir: flags.dataDir, NodeID: member.nodeID, RaftAddr: flags.raftAddr, AdvertiseHost: member.advertiseHost,
		Form:           func(f raftfsm.Forming) (raftfsm.Founding, error) { return former.Form(ctx, f) },
		SupportedLevel: level, MaxVoters: member.maxVoters, Raft: raft, SessionTTL: flags.sessionTTL, MinFree: uint64(flags.minFree),
		Events: flags.eventBuffer(), Vacuum: flags.vacuum.config(), BackupRate: flags.backupRate.config(), Archive: archive, Logger: logger, Registerer: registry, Now: p.now,
	})
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // stopped before there was a group
			return nil
		}
		return serveError(flags, err)
	}
	if err := p.attach(schedule, archive, node, logger, registry); err != nil {
		return errors.Join(err, discard(ctx, node))
	}
	server, err := rpc.New(rpc.Config{
		Node: node, AdvertiseHost: member.advertiseHost, APIAddr: flags.apiAddr, HTTPAddr: flags.httpAddr, Version: version().Version, Pprof: flags.pprof,
		Logger: logger, Registerer: registry, Gatherer: registry, Now: p.now,
	})
	if err != nil {
		return errors.Join(serveError(flags, err), discard(ctx, node))
	}
	r := &running{node: node, server: server, member: member, inside: inside, memory: flags.memory, logger: logger, greet: p.greet, schedule: schedule}
	return serveError(flags, r.run(ctx))
}

// discard closes a node that was opened for nothing.
func discard(ctx context.Context, node *raftfsm.Node) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	return node.Run(ended)
}

// running is a member at work. Its parts stop in the opposite order of their dependence: the worker gives back its tasks
// while the API answers, and the API finishes its calls while the node replicates.
type running struct {
	node   *raftfsm.Node
	server *rpc.Server
	member memberFlags
	inside *insideWorker
	memory *memoryFlags
	logger *slog.Logger
	greet  func(api string)

	schedule *backups.Schedule // nil: nothing is backed up
}

func (r *running) run(ctx context.Context) error {
	// Any part's end ends the others.
	all, end := context.WithCancel(ctx)
	defer end()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	replicating, stopReplicating := context.WithCancel(context.WithoutCancel(ctx))
	var parts errgroup.Group
	parts.Go(func() error {
		defer end()
		defer stopServing() // a node that failed serves nobody
		return r.node.Run(replicating)
	})
	parts.Go(func() error {
		defer stopReplicating()
		defer end()
		return r.server.Run(serving)
	})
	parts.Go(func() error {
		rpc.Announce(all, r.node, r.member.join, r.logger)
		return nil
	})
	parts.Go(func() error {
		defer stopServing()
		err := r.whenReady(all)
		if r.member.leaveOnStop && ctx.Err() != nil {
			r.leave(context.WithoutCancel(ctx))
		}
		return err
	})
	parts.Go(func() error {
		r.memory.tend(all)
		return nil
	})
	if r.schedule != nil {
		parts.Go(func() error {
			r.schedule.Run(all)
			return nil
		})
	}
	err := parts.Wait()
	r.logger.Info("stopped")
	return err
}

// readyPatience is how long a member may take to find or become a leader before that is worth a word.
const readyPatience = 10 * time.Second

// whenReady announces the member and runs the worker inside it, until ctx ends.
func (r *running) whenReady(ctx context.Context) error {
	patience := time.NewTimer(readyPatience)
	defer patience.Stop()
	for ready := false; !ready; {
		select {
		case <-r.node.Ready():
			ready = true
		case <-patience.C:
			r.logger.Warn("not ready yet: no leader is known", "after", readyPatience)
		case <-ctx.Done():
			return nil
		}
	}
	api := r.server.APIAddr()
	r.logger.Info("ready", "api", api, "http", r.server.HTTPAddr(), "raft", r.node.Status().Address)
	r.greet(api)
	if r.inside == nil {
		<-ctx.Done()
		return nil
	}
	err := runWorker(ctx, client.Config{Addrs: []string{api}, Logger: r.logger}, r.inside.config, r.inside.kinds, r.inside.handler)
	if err != nil {
		return err
	}
	<-ctx.Done() // the server goes on if its worker was drained
	return nil
}

// leavePatience bounds how long a stopping member tries to leave its group.
const leavePatience = 10 * time.Second

// leave takes this member out of its group. If it can't it stays one, and stops all the same.
func (r *running) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leavePatience)
	defer cancel()
	c, err := client.New(client.Config{Addrs: []string{r.server.APIAddr()}, Logger: r.logger, OneShot: true})
	if err == nil {
		_, err = rowlockv1.NewClusterServiceClient(c.Conn()).RemoveMember(ctx, &rowlockv1.RemoveMemberRequest{Id: r.node.Status().ServerID})
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		r.logger.Error("this member couldn't leave the group, and stays one of it", "error", err)
		return
	}
	r.logger.Info("left the group")
}

// greet tells a person what to do next.
func (p *program) greet(api string) {
	if isTerminal(p.stderr) {
		addr := ""
		if api != client.DefaultAddr {
			addr = " --addr " + api
		}
		fmt.Fprintf(p.stderr, "\nTry in another terminal:  rowlock enqueue hello --payload '{\"name\":\"ada\"}'%s\n\n", addr)
	}
}

// listener is an address to listen on and its flag.
type listener struct{ flag, addr string }

func (s *serveFlags) listeners() []listener {
	return []listener{{"api-addr", s.apiAddr}, {"raft-addr", s.raftAddr}, {"http-addr", s.httpAddr}}
}

// tryPorts finds out that an address is taken before a new data directory comes into being. Where there is state, who
// has the directory is the better answer.
func (s *serveFlags) tryPorts(ctx context.Context) error {
	if _, err := os.Stat(store.Dir(s.dataDir).State()); err == nil {
		return nil
	}
	var config net.ListenConfig
	for _, l := range s.listeners() {
		listener, err := config.Listen(ctx, "tcp", l.addr)
		if err != nil {
			return cantListen(l, err)
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}

func cantListen(l listener, err error) error {
	return fmt.Errorf("can't listen on %s (%s): choose another address with --%s", l.addr, cause(err), l.flag)
}

// check says what is wrong with the flags before anything is opened.
func (s *serveFlags) check() error {
	for _, a := range s.listeners() {
		if err := checkListen(a.addr); err != nil {
			return usagef("--%s %q: %s", a.flag, a.addr, err)
		}
	}
	if err := s.memory.check(); err != nil {
		return err
	}
	if err := s.vacuum.check(); err != nil {
		return err
	}
	if err := s.archive.check(); err != nil {
		return err
	}
	if err := s.backupRate.check(); err != nil {
		return err
	}
	if s.sessionTTL < time.Second {
		return usagef("--session-ttl %s: want at least 1s", s.sessionTTL)
	}
	if s.events < 0 || s.events > maxEvents {
		return usagef("--event-buffer %d: want 0 to %d; 0 keeps none, and nobody can watch at this member", s.events, maxEvents)
	}
	if info, err := os.Stat(s.dataDir); err == nil && !info.IsDir() {
		return usagef("--data-dir %s: a file, not a directory", s.dataDir)
	}
	return nil
}

// serveError names the data directory in an error, and says what to do about it.
func serveError(flags *serveFlags, err error) error {
	var busy *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &busy) && busy.Op == "listen":
		for _, l := range flags.listeners() {
			if busy.Addr != nil && l.addr == busy.Addr.String() {
				return cantListen(l, busy)
			}
		}
		return fmt.Errorf("can't listen on %s (%s): choose another address with --api-addr, --raft-addr or --http-addr", busy.Addr, cause(busy))
	case !strings.Contains(err.Error(), flags.dataDir):
		err = fmt.Errorf("data directory %s: %w", flags.dataDir, err)
	}
	if errors.Is(err, store.ErrLocked) {
		text := strings.Replace(err.Error(), store.ErrLocked.Error()+": ", "", 1)
		return &exitError{code: exitRefused, text: text + ": stop that one, or choose another directory with --data-dir"}
	}
	return err
}
