package render

import (
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// MemberState is a member and how the leader finds it.
type MemberState struct {
	Member
	Reachable          bool    `json:"reachable"`
	Problem            string  `json:"problem,omitempty"`
	Healthy            bool    `json:"healthy"`
	Held               bool    `json:"held"`
	APIAddress         string  `json:"api_address"`
	Version            string  `json:"version"`
	FeatureLevel       uint32  `json:"feature_level"`
	LastIndex          uint64  `json:"last_index"`
	AppliedIndex       uint64  `json:"applied_index"`
	LastContactSeconds float64 `json:"last_contact_seconds"`
}

// NewMembers renders the API's members.
func NewMembers(list []*rowlockv1.MemberState) []MemberState {
	out := make([]MemberState, 0, len(list))
	for _, m := range list {
		out = append(out, MemberState{
			Member: newMember(m.GetMember()), Reachable: m.GetReachable(), Problem: m.GetProblem(), Healthy: m.GetHealthy(), Held: m.GetHeld(),
			APIAddress: m.GetApiAddress(), Version: m.GetVersion(), FeatureLevel: m.GetFeatureLevel(),
			LastIndex: m.GetLastIndex(), AppliedIndex: m.GetAppliedIndex(), LastContactSeconds: m.GetLastContactSeconds(),
		})
	}
	return out
}

// Members shows members to people.
func Members(t *Table, list []MemberState) {
	t.Head("member", "role", "health", "api", "raft", "version", "level", "applied")
	for _, m := range list {
		role, health := m.Role, "lags"
		switch {
		case m.Leader:
			role = "leader"
		case m.Held:
			role += ", held"
		}
		switch {
		case m.Problem != "":
			health = m.Problem
		case m.Healthy:
			health = "ok"
		}
		t.Row(m.ID, role, health, orDash(m.APIAddress), m.Address, orDash(m.Version), m.FeatureLevel, m.AppliedIndex)
	}
}
