package client

import (
	"context"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// DeadLetterGroup is dead letters of one queue and kind whose last errors differ in nothing but numbers, names and places.
type DeadLetterGroup struct {
	// Fingerprint selects the group in filters: fingerprint == "0123456789abcdef".
	Fingerprint string `json:"fingerprint"`
	Queue       string `json:"queue"`
	Kind        string `json:"kind"`
	Tasks       uint64 `json:"tasks"`
	// FirstAt and LastAt are when the first and the last of them became dead letters.
	FirstAt time.Time `json:"first_at,omitzero"`
	LastAt  time.Time `json:"last_at,omitzero"`
	// ExampleID is the last of them, ExampleError the text of its last error, ExampleReason why it became a dead letter.
	ExampleID     string `json:"example_id"`
	ExampleError  string `json:"example_error"`
	ExampleReason string `json:"example_reason"`
}

// DeadLetterGroups are the largest groups of the dead letters.
type DeadLetterGroups struct {
	Groups []DeadLetterGroup `json:"groups"`
	// GroupsTotal and TasksTotal count all groups, at most 10,000, and all dead letters.
	GroupsTotal uint64 `json:"groups_total"`
	TasksTotal  uint64 `json:"tasks_total"`
	// Complete: all dead letters were visited. Else the time was over: 30 s, or what the context's deadline leaves.
	Complete bool `json:"complete"`
}

// DeadLetterGroups groups the dead letters that the selection means, whose States don't matter, and returns the largest
// limit groups (1 to 1,000; 100 where zero). It goes through all dead letters: some seconds for a million.
func (c *Client) DeadLetterGroups(ctx context.Context, s Selection, limit int) (*DeadLetterGroups, error) {
	resp, err := c.Operations().service.ListDeadLetterGroups(ctx, &rowlockv1.ListDeadLetterGroupsRequest{
		Queue: s.Queue, Kind: s.Kind, Where: s.Where, Limit: bounded(limit),
	})
	if err != nil {
		return nil, err
	}
	out := &DeadLetterGroups{
		Groups: []DeadLetterGroup{}, GroupsTotal: resp.GetGroupsTotal(), TasksTotal: resp.GetTasksTotal(), Complete: resp.GetComplete(),
	}
	for _, g := range resp.GetGroups() {
		out.Groups = append(out.Groups, DeadLetterGroup{
			Fingerprint: g.GetFingerprint(), Queue: g.GetQueue(), Kind: g.GetKind(), Tasks: g.GetTasks(),
			FirstAt: at(g.GetFirstAt()), LastAt: at(g.GetLastAt()),
			ExampleID: g.GetExampleId(), ExampleError: g.GetExampleError(), ExampleReason: g.GetExampleReason(),
		})
	}
	return out, nil
}
