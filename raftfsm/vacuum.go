package raftfsm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/store"
)

// What a vacuum is given and tells is the store's.
type (
	// VacuumOptions say how it shares the disk.
	VacuumOptions = store.VacuumOptions
	// VacuumProgress is how far it is.
	VacuumProgress = store.VacuumProgress
	// VacuumResult is what it came to.
	VacuumResult = store.VacuumResult
)

// The files that can be vacuumed.
const (
	StateFile = "state"
	LogFile   = "log"
)

// VacuumConfig says when a member vacuums its files by itself.
type VacuumConfig struct {
	// FreePercent is how much of a file must be free pages. Default 50, at most 99; negative: never.
	FreePercent int
	// MinBytes is how large a file must be. Default 256 MiB.
	MinBytes uint64
	// Every is the least time between two. Default 6 h.
	Every time.Duration
	// BytesPerSecond bounds how fast it copies; 0: store.DefaultVacuumRate.
	BytesPerSecond int64
}

// Vacuum gives the free pages of a file, StateFile or LogFile, back to the file system while the member works; see
// store.Store.Vacuum.
func (n *Node) Vacuum(ctx context.Context, file string, o VacuumOptions) (VacuumResult, error) {
	o.MinFree = n.config.MinFree
	vacuum := n.store.Vacuum
	if file == LogFile {
		vacuum = n.log.Vacuum
	}
	n.config.Logger.Info("vacuum begins", "file", file)
	r, err := vacuum(ctx, o)
	if err != nil {
		if !errors.Is(err, store.ErrVacuumRuns) && ctx.Err() == nil {
			n.metrics.vacuumFails.WithLabelValues(file).Inc()
			n.config.Logger.Warn("vacuum failed", "file", file, "error", err)
		}
		return r, vacuumError(err)
	}
	n.metrics.vacuumHeld.WithLabelValues(file).Observe(r.Held.Seconds())
	n.config.Logger.Info("vacuum is done", "file", file, "before", r.Before, "after", r.After, "held", r.Held)
	return r, nil
}

// vacuumError gives the store's refusals this package's name.
func vacuumError(err error) error {
	for _, refusal := range []error{store.ErrVacuumRuns, store.ErrVacuumBehind, store.ErrVacuumReplaced} {
		if errors.Is(err, refusal) {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	if errors.Is(err, store.ErrClosed) {
		return ErrStopped
	}
	return err
}

const (
	// vacuumLook is how often a member looks whether a vacuum is due, and vacuumSlot for how long it is the only one whose turn
	// it is.
	vacuumLook = time.Minute
	vacuumSlot = 15 * time.Minute
)

// vacuums runs those that are due, until ctx is done.
func (n *Node) vacuums(ctx context.Context) {
	if n.config.Vacuum.FreePercent < 0 {
		return
	}
	last := map[string]time.Time{}
	tick := time.NewTicker(vacuumLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if !vacuumTurn(n.servers(), serverID(n.identity), n.config.Now()) {
				continue
			}
			for _, file := range []string{StateFile, LogFile} {
				if size, free := n.pages(file); now.Sub(last[file]) < n.config.Vacuum.Every || !n.config.Vacuum.due(size, free) {
					continue
				}
				last[file] = now
				// An error has been logged and counted, and the next turn tries again.
				_, _ = n.Vacuum(ctx, file, VacuumOptions{BytesPerSecond: n.config.Vacuum.BytesPerSecond})
			}
		}
	}
}

// pages tells the size of a file and how much of it is free.
func (n *Node) pages(file string) (size, free uint64) {
	if file == LogFile {
		return n.log.FileBytes(), uint64(n.log.Stats().FreeAlloc)
	}
	return n.store.Bytes(), uint64(n.store.Stats().FreeAlloc)
}

// due reports whether a file has so much free that a vacuum is worth it.
func (c VacuumConfig) due(size, free uint64) bool {
	return size >= c.MinBytes && size > 0 && free*100/size >= uint64(c.FreePercent)
}

// vacuumTurn reports whether it is a member's turn: by the clock each has one, so that no two vacuum at a time as long as their
// clocks agree and a vacuum takes less than a turn.
func vacuumTurn(servers []raft.Server, self raft.ServerID, now time.Time) bool {
	servers = slices.Clone(servers)
	slices.SortFunc(servers, func(a, b raft.Server) int { return cmp.Compare(a.ID, b.ID) })
	at := slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == self })
	return at >= 0 && now.UnixNano()/int64(vacuumSlot)%int64(len(servers)) == int64(at)
}

// vacuumMetrics are those of vacuums, by file.
type vacuumMetrics struct {
	vacuumHeld  *prometheus.HistogramVec
	vacuumFails *prometheus.CounterVec
}

func newVacuumMetrics(m *metrics) (v vacuumMetrics) {
	v.vacuumHeld = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rowlock_vacuum_held_seconds", Help: "Time for which a vacuum held up writes of its file, by file; their number is that of vacuums.",
		Buckets: seconds(),
	}, []string{"file"})
	v.vacuumFails = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rowlock_vacuum_failures_total", Help: "Vacuums that failed and changed nothing, by file.",
	}, []string{"file"})
	for _, file := range []string{StateFile, LogFile} {
		v.vacuumHeld.WithLabelValues(file)
		v.vacuumFails.WithLabelValues(file)
	}
	m.collectors = append(m.collectors, v.vacuumHeld, v.vacuumFails)
	return v
}
