package main

import (
	"time"

	"github.com/spf13/cobra"
)

// serveFlags are what 'rowlock server' and 'rowlock dev' have in common.
type serveFlags struct {
	dataDir    string
	apiAddr    string
	raftAddr   string
	httpAddr   string
	sessionTTL time.Duration
	minFree    byteSize
	events     int
	pprof      bool
	log        *logFlags
	memory     *memoryFlags
	vacuum     autoVacuumFlags
	archive    archiveFlags
	backupRate backupRate
	backup     scheduleFlags // of 'rowlock server' only
}

func (p *program) serveFlags(cmd *cobra.Command) *serveFlags {
	s := &serveFlags{log: p.logFlags(cmd), memory: p.memoryFlags(cmd)}
	flags := cmd.Flags()
	flags.StringVar(&s.dataDir, "data-dir", "", "directory for everything durable")
	flags.StringVar(&s.apiAddr, "api-addr", "127.0.0.1:7300", "listen here for clients and workers (gRPC); port 0 picks one")
	flags.StringVar(&s.raftAddr, "raft-addr", "127.0.0.1:7301", "listen here for other members; port 0 picks one")
	flags.StringVar(&s.httpAddr, "http-addr", "127.0.0.1:7302", "listen here for JSON, metrics and probes; port 0 picks one")
	flags.DurationVar(&s.sessionTTL, "session-ttl", 30*time.Second, "how long a silent worker keeps its leases")
	flags.Var(&s.minFree, "min-free", "refuse new tasks when the disk has less room than this, such as 256MiB (default: chosen by its size)")
	flags.IntVar(&s.events, "event-buffer", 1<<18, "how many of the newest events this member keeps for those who watch, 48 bytes each; 0 is none")
	flags.BoolVar(&s.pprof, "pprof", false, "serve profiles at /debug/pprof/ of --http-addr")
	s.vacuum.add(flags)
	s.archive.add(flags)
	s.backupRate.add(flags)
	settings(flags, "data-dir", "api-addr", "raft-addr", "http-addr", "session-ttl", "min-free", "event-buffer", "pprof")
	return s
}

// maxEvents is raftfsm's bound on the events that a member keeps.
const maxEvents = 1 << 24

// eventBuffer is the number of events as raftfsm takes it, where 0 is the default.
func (s *serveFlags) eventBuffer() int {
	if s.events == 0 {
		return -1
	}
	return s.events
}
