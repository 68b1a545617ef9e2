package raftfsm

import (
	"errors"
	"log/slog"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// unreadableDelay is how long a task whose payload can't be read waits before it is leased again: at once would be in
// a loop, as a group of one has nobody else to lead.
const unreadableDelay = task.Duration(60_000_000)

// hydrator reads the payloads of leased tasks that are on disk only.
type hydrator struct {
	store   *store.Store
	replica *replica
	submit  func(cs []task.Command, urgent bool, done func([]task.Result, error))
	damaged func(err error) // a payload can't be trusted: this member shouldn't lead
	logger  *slog.Logger
}

// hydrate completes the leases among the results. A payload that can't be read is never delivered: its lease is given
// back without burning an attempt, and this member steps down if another can lead.
func (h *hydrator) hydrate(results []task.Result) {
	var view *store.View
	for i := range results {
		leased := results[i].Leased
		kept := leased[:0]
		for _, l := range leased {
			if l.PayloadOnDisk {
				var err error
				if view == nil {
					if view, err = h.store.View(); err != nil {
						h.giveBack(l, err)
						continue
					}
					defer view.Close()
				}
				if l.Payload, err = view.Payload(l.ID); err != nil {
					h.giveBack(l, err)
					continue
				}
				l.PayloadOnDisk = false
			}
			kept = append(kept, l)
		}
		results[i].Leased = kept
	}
}

func (h *hydrator) giveBack(l task.Leased, err error) {
	held := false
	h.replica.read(func(m *task.Machine) {
		_, token, ok := m.LeaseOf(l.ID)
		held = ok && token == l.Token
	})
	if !held {
		return // it ended within the same entry
	}
	h.logger.Error("the payload of a task can't be read; its lease is given back", "task", l.ID, "error", err)
	back := &task.Finish{Outcomes: []task.Outcome{{ID: l.ID, Token: l.Token, Kind: task.OutcomeSnooze, Delay: unreadableDelay}}}
	h.submit([]task.Command{back}, true, func(_ []task.Result, err error) {
		if err != nil {
			h.logger.Error("the lease of a task whose payload can't be read isn't given back; it ends with its session", "task", l.ID, "error", err)
		}
	})
	if errors.Is(err, store.ErrCorrupt) {
		h.damaged(err)
	}
}
