package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/test/process"
)

// play has the servers that are started from now on be of a version that supports a feature level.
func (c *cluster) play(level uint32) {
	c.env = []string{fmt.Sprintf("ROWLOCK_TEST_FEATURE_LEVEL=%d", level)}
}

// levels are the group's feature level as a server has it, and the one that the server supports.
func (c *cluster) levels(i int) (group, supported uint32) {
	c.t.Helper()
	var status struct {
		FeatureLevel   uint32 `json:"feature_level"`
		SupportedLevel uint32 `json:"supported_level"`
	}
	if err := json.Unmarshal([]byte(c.at(i, "cluster", "status", "-o", "json")), &status); err != nil {
		c.t.Fatal(err)
	}
	return status.FeatureLevel, status.SupportedLevel
}

// refuses starts a server that has to end, and say why.
func (c *cluster) refuses(i int, words ...string) {
	c.t.Helper()
	args := append(c.args(i), "--api-addr", c.addrs[i].API, "--raft-addr", c.addrs[i].Raft, "--http-addr", c.addrs[i].HTTP)
	code, _, stderr, err := process.Run(limited(c.t), c.binary, process.Options{Args: args, Env: c.env})
	if err != nil {
		c.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := lines[len(lines)-1]
	for _, word := range words {
		if code == 0 || !strings.Contains(last, word) {
			c.t.Errorf("exit code %d, and the last line is %q, want %q in it", code, last, word)
		}
	}
}

// reaches waits until a member knows that the group is at a feature level.
func (c *cluster) reaches(i int, level uint32) {
	c.t.Helper()
	eventually(c.t, "the level rises", func(context.Context) (bool, error) {
		group, _ := c.levels(i)
		return group == level, fmt.Errorf("level %d", group)
	})
}

// TestUpgrade replaces the members of a group one by one by those of a newer version, under load. Its feature level rises
// when all are new, and not before. Then there is no way back.
func TestUpgrade(t *testing.T) {
	const was, is = task.SupportedLevel - 1, task.SupportedLevel
	c := newCluster(t, 4, "--raft-profile", "fast")
	var err error
	if c.binary, err = process.Build(t.Context(), c.dir, "faultinject"); err != nil {
		t.Fatal(err)
	}
	c.play(was)
	c.start(0, 1, 2)
	c.voters(0, 3)
	api, err := client.New(client.Config{Addrs: strings.Split(c.api(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	for i := range 3 {
		c.reaches(i, was)
	}
	l := startLoad(t, api, newLedger(), 2, 2)
	c.play(is)
	for i := range 3 {
		for through := range 3 {
			if group, _ := c.levels(through); group != was {
				t.Fatalf("with %d members of the new version, the group is at level %d", i, group)
			}
		}
		stop(t, c.nodes[i].Process)
		c.start(i)
		if _, supported := c.levels(i); supported != is {
			t.Fatalf("the new member supports level %d", supported)
		}
		c.voters(i, 3)
		accepted, completed := l.counts()
		eventually(t, "progress", func(context.Context) (bool, error) {
			a, b := l.counts()
			return a > accepted+20 && b > completed+20, fmt.Errorf("%d accepted, %d completed", a-accepted, b-completed)
		})
	}
	for i := range 3 {
		c.reaches(i, is)
	}

	c.play(was)
	c.refuses(3, "too old", fmt.Sprintf("feature level %d", is))
	stop(t, c.nodes[0].Process)
	c.refuses(0, "newer version", fmt.Sprintf("feature level %d", is))
	c.play(is)
	c.start(0, 3)
	c.voters(1, 4)
	l.end()
	l.checkAll(t, api)
	checkNoDoubles(t, api)
}
