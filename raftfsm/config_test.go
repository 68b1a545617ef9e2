package raftfsm

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store"
)

func TestConfig(t *testing.T) {
	good := Config{DataDir: "d", NodeID: "node-1.example", Logger: testLogger(t)}
	c, err := good.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if c.SessionTTL != 30*time.Second || c.Checkpoints.Interval != time.Second || c.Proposals.InFlight < 1 || c.Now == nil {
		t.Errorf("%+v", c)
	}
	for want, change := range map[string]func(c *Config){
		"data directory": func(c *Config) { c.DataDir = "" },
		"node ID":        func(c *Config) { c.NodeID = "a b" },
		"cluster ID":     func(c *Config) { c.ClusterID = strings.Repeat("x", 65) },
		"logger":         func(c *Config) { c.Logger = nil },
		"session TTL":    func(c *Config) { c.SessionTTL = time.Millisecond },
		"checksum":       func(c *Config) { c.ChecksumInterval = -1 },
		"hard bound":     func(c *Config) { c.Checkpoints.HardBytes = 1 },
		"entry size":     func(c *Config) { c.Proposals.EntryBytes = MaxEntryBytes },
		"in flight":      func(c *Config) { c.Proposals.InFlight = 9 },
		"pending":        func(c *Config) { c.Proposals.PendingBytes = 1 },
		"ascend":         func(c *Config) { c.Raft.LeaderLeaseTimeout = time.Hour },
		"trailing":       func(c *Config) { c.Raft.TrailingLogs = 1 },
	} {
		c := good
		change(&c)
		if _, err := c.withDefaults(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
}

// TestIdentity: a directory stays its member's, and a wiped one is a new member.
func TestIdentity(t *testing.T) {
	c := testConfig(t, t.TempDir())
	m := startReady(t, c)
	first := m.Status()
	if first.ClusterID == "" || first.ServerID == "n1" || len(first.Members) != 1 || first.Members[0].ServerID != first.ServerID {
		t.Fatalf("%+v", first)
	}
	if _, err := Open(c); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("a second process: %v", err)
	}
	m.close(t)
	m = startReady(t, c)
	if s := m.Status(); s.ServerID != first.ServerID || s.ClusterID != first.ClusterID {
		t.Fatalf("%+v", s)
	}
	m.close(t)
	for _, change := range []func(c *Config){func(c *Config) { c.NodeID = "n2" }, func(c *Config) { c.ClusterID = "another" }} {
		c := c
		change(&c)
		if _, err := Open(c); !errors.Is(err, ErrOtherNode) {
			t.Fatalf("%v", err)
		}
	}
	c.DataDir = t.TempDir()
	if s := startReady(t, c).Status(); s.ServerID == first.ServerID || s.ClusterID == first.ClusterID {
		t.Fatalf("%+v", s)
	}
}
