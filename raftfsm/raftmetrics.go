package raftfsm

import (
	"time"

	"github.com/hashicorp/raft"
)

// raftGauges adds what raft knows at the moment of a scrape. Each member tells of itself: where they disagree, one lags.
// None of them may wait for raft, which may be what has hung.
func (m *metrics) raftGauges(n *Node) {
	opened := time.Now()
	m.gauge("rowlock_raft_leader", "1 on the member that leads and serves.", func() float64 {
		if n.leadership.serving() {
			return 1
		}
		return 0
	})
	m.gauge("rowlock_raft_state", "0 follower, 1 candidate, 2 leader, 3 shut down.", func() float64 { return float64(n.raft.State()) })
	m.gauge("rowlock_raft_term", "Current term.", func() float64 { return float64(n.raft.CurrentTerm()) })
	m.gauge("rowlock_raft_commit_index", "Last entry known to be committed.", func() float64 { return float64(n.raft.CommitIndex()) })
	m.gauge("rowlock_raft_applied_index", "Last entry executed here.", func() float64 { return float64(n.replica.applied.index.Load()) })
	m.gauge("rowlock_raft_last_index", "Last entry in the log.", func() float64 { return float64(n.raft.LastIndex()) })
	m.gauge("rowlock_raft_last_contact_seconds", "Time since this member heard of the leader, or was started; 0 on the leader.", func() float64 {
		return sinceContact(n.raft, opened).Seconds()
	})
	m.gauge("rowlock_raft_log_entries", "Entries that the log holds.", func() float64 { return float64(n.log.Entries()) })
	m.gauge("rowlock_raft_log_age_seconds", "Time since the oldest entry that the log holds was proposed.", func() float64 { return n.log.age().Seconds() })
	m.gauge("rowlock_raft_voters", "Voting members that this member knows of.", func() float64 { return float64(n.count(raft.Voter)) })
	m.gauge("rowlock_raft_standbys", "Members without a vote that this member knows of.", func() float64 { return float64(n.count(raft.Nonvoter)) })
}

// sinceContact is how long a member has gone without its leader.
func sinceContact(r *raft.Raft, opened time.Time) time.Duration {
	if r.State() == raft.Leader {
		return 0
	}
	heard := r.LastContact() // zero before the first time
	if heard.Before(opened) {
		heard = opened
	}
	return max(time.Since(heard), 0)
}

// count counts the members with a part in the vote, or without.
func (n *Node) count(s raft.ServerSuffrage) (members int) {
	for _, m := range n.raft.GetConfiguration().Configuration().Servers {
		if m.Suffrage == s {
			members++
		}
	}
	return members
}

// undated is how many of the oldest entries may lack a time: the one that a group begins with has none, nor have those
// that a member writes itself.
const undated = 8

// age is how long ago the oldest entry that has a time was proposed, by the clock of the leader of then; 0: there is none.
func (l *raftLog) age() time.Duration {
	first, err := l.FirstIndex()
	if err != nil || first == 0 {
		return 0
	}
	for i := first; i < first+undated; i++ {
		var entry raft.Log
		// Not by l.GetLog, which ends the process over a damaged entry: this one may never be needed again.
		if err := l.LogStore.GetLog(i, &entry); err != nil {
			return 0
		}
		if !entry.AppendedAt.IsZero() {
			return max(time.Since(entry.AppendedAt), 0)
		}
	}
	return 0
}
