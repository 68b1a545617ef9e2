package render

import (
	"fmt"
	"time"

	"github.com/rowlock/rowlock/store/archive"
)

// Backup is an archive at a destination.
type Backup struct {
	Name       string     `json:"name"`
	Kind       string     `json:"kind"`
	ClusterID  string     `json:"cluster_id"`
	Timeline   string     `json:"timeline"`
	FirstIndex uint64     `json:"first_index,omitempty"`
	Index      uint64     `json:"index"`
	Created    *time.Time `json:"created"`
	SizeBytes  int64      `json:"size_bytes"`

	StateTime    *time.Time `json:"state_time,omitempty"`
	StateBytes   int64      `json:"state_bytes,omitempty"`
	StateHash    string     `json:"state_hash,omitempty"`
	LiveTasks    *uint64    `json:"live_tasks,omitempty"`
	Queues       *uint64    `json:"queues,omitempty"`
	Entries      uint64     `json:"entries,omitempty"`
	FeatureLevel uint32     `json:"feature_level,omitempty"`
	NodeID       string     `json:"node_id,omitempty"`
	Version      string     `json:"version,omitempty"`
	Agreed       bool       `json:"agreed"`
	AgreedIndex  uint64     `json:"agreed_index,omitempty"`
	Encrypted    bool       `json:"encrypted"`
	SignedBy     string     `json:"signed_by,omitempty"`
	BodySHA256   string     `json:"body_sha256,omitempty"`
	Verified     *time.Time `json:"verified,omitempty"`
	Problem      string     `json:"problem,omitempty"`
}

// NewBackup renders a manifest.
func NewBackup(name string, size int64, m archive.Manifest, signer string) Backup {
	b := Backup{
		Name: name, Kind: m.Kind, ClusterID: m.ClusterID, Timeline: m.Timeline, FirstIndex: m.FirstIndex, Index: m.Index,
		Created: When(m.Created), SizeBytes: size, StateTime: When(m.StateTime), StateBytes: m.Body.PlainSize, StateHash: m.Hash,
		Entries: m.Entries, FeatureLevel: m.FeatureLevel, NodeID: m.NodeID, Version: m.Version, Encrypted: m.Body.Encrypted(),
		SignedBy: signer, BodySHA256: m.Body.SHA256,
	}
	if m.Kind == archive.Full {
		b.LiveTasks, b.Queues = &m.LiveTasks, &m.Queues
	}
	if m.Agreed != nil {
		b.Agreed, b.AgreedIndex = true, m.Agreed.Index
	}
	return b
}

// When is a time, or nil where it isn't set.
func When(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Table shows one backup to people.
func (b Backup) Table(t *Table, now time.Time) {
	t.Pair("name", b.Name)
	t.Pair("kind", b.Kind)
	t.Pair("cluster", b.ClusterID)
	t.Pair("timeline", b.Timeline)
	if b.FirstIndex != 0 {
		t.Pair("entries", fmt.Sprintf("%d to %d", b.FirstIndex, b.Index))
	} else {
		t.Pair("index", fmt.Sprint(b.Index))
	}
	t.Pair("created", Clock(b.Created, now))
	t.Pair("state time", Clock(b.StateTime, now))
	t.Pair("size", Size(uint64(b.SizeBytes)))
	if b.LiveTasks != nil {
		t.Pair("state", fmt.Sprintf("%s, %s, %s", Size(uint64(b.StateBytes)), Count(*b.LiveTasks, "live task"), Count(*b.Queues, "queue")))
		t.Pair("state hash", b.StateHash)
		t.Pair("members agree", b.agreement())
	}
	t.Pair("feature level", fmt.Sprint(b.FeatureLevel))
	t.Pair("taken from", fmt.Sprintf("%s, version %s", b.NodeID, b.Version))
	t.Pair("encrypted", yesNo(b.Encrypted))
	t.Pair("signed by", b.signer())
	t.Pair("body sha256", b.BodySHA256)
	if b.Verified != nil {
		t.Pair("verified", Clock(b.Verified, now))
	}
}

func (b Backup) agreement() string {
	if b.Agreed {
		return fmt.Sprintf("yes, at index %d", b.AgreedIndex)
	}
	return "NO: nobody but this member vouches for the state"
}

func (b Backup) signer() string {
	if b.SignedBy == "" {
		return "nobody"
	}
	return b.SignedBy
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
