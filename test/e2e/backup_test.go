package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// fillState enqueues so many tasks of 128 KiB that don't compress.
func fillState(t *testing.T, c *client.Client, tasks int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 96<<10)
	for range tasks {
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		enqueue(t, c, "big", fmt.Sprintf("%q", base64.StdEncoding.EncodeToString(noise)))
	}
}

// savedAt are the backups that a destination lists.
func savedAt(t *testing.T, n *process.Node, dest string) (list []struct {
	Name    string `json:"name"`
	Agreed  bool   `json:"agreed"`
	Problem string `json:"problem"`
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, n, "backup", "list", "--from", dest, "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// unfinished are the files at a destination that are being written.
func unfinished(t *testing.T, dest string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dest, "*", "full", ".unfinished-*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestBackupKilled kills a save in the middle, and then the server in the middle of another: nothing is left that a list or a
// verification would take for a backup, and the next save succeeds.
func TestBackupKilled(t *testing.T) {
	dir, dest := t.TempDir(), t.TempDir()
	n := serve(t, dir, nil)
	c := connect(t, n)
	fillState(t, c, 160) // 20 MiB
	// begin starts a save and stops it as soon as a part of the object is written.
	begin := func() *process.Process {
		t.Helper()
		for range 20 { // where the machine was too busy to see it in the middle, once more
			save, err := process.Start(binary, process.Options{Args: []string{"backup", "save", "--to", dest, "--addr", n.API}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { kill(t, save) })
			for caught := false; !caught; {
				select {
				case <-save.Exited():
					caught = true
				default:
					for _, path := range unfinished(t, dest) {
						if info, err := os.Stat(path); err == nil && info.Size() > 0 {
							signal(t, save, syscall.SIGSTOP)
							if len(unfinished(t, dest)) > 0 {
								return save
							}
							signal(t, save, syscall.SIGCONT)
						}
					}
				}
			}
			enqueue(t, c, "small", "1") // the next has another name
			if err := os.RemoveAll(dest); err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("no save could be caught in the middle")
		return nil
	}
	save := begin()
	kill(t, save)
	if list := savedAt(t, n, dest); len(list) != 0 {
		t.Errorf("after a kill there is %+v", list)
	}
	if code, _, stderr := rowlock(t, n, "backup", "verify", "--from", dest); code != 3 {
		t.Errorf("verify of nothing: exit code %d: %s", code, stderr)
	}
	must(t, n, "backup", "save", "--to", dest)
	must(t, n, "backup", "verify", "--from", dest)
	if list := savedAt(t, n, dest); len(list) != 1 || !list[0].Agreed || list[0].Problem != "" {
		t.Errorf("%+v", list)
	}

	// The server dies: the save that it had begun says so, and leaves nothing.
	enqueue(t, c, "small", "1")
	for _, path := range unfinished(t, dest) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	save = begin()
	before := len(savedAt(t, n, dest))
	kill(t, n.Process)
	signal(t, save, syscall.SIGCONT)
	code, err := save.Wait(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	after := len(savedAt(t, n, dest)) // it needs no server
	if code == 0 != (after == before+1) || code != 0 && len(unfinished(t, dest)) > 0 {
		t.Errorf("exit code %d, %d backups before and %d after: %s", code, before, after, save.Stderr)
	}
	n = serve(t, dir, n)
	must(t, n, "backup", "drill")
	if left, err := os.ReadDir(filepath.Join(dir, "incoming")); err != nil || len(left) != 0 {
		t.Errorf("the server left %v, %v", left, err)
	}
}

// TestBackupWhileLeadersChange saves again and again through all members while their leaders are killed: each save that says it
// succeeded is proven by a trial restore.
func TestBackupWhileLeadersChange(t *testing.T) {
	c := newCluster(t, 3)
	c.start(0, 1, 2)
	c.voters(0, 3)
	fillState(t, connect(t, c.nodes[0]), 16)
	dest := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	ended, did := make(chan int), make(chan struct{}, 1)
	go func() {
		good := 0
		for i := 0; ctx.Err() == nil; i++ {
			to := filepath.Join(dest, fmt.Sprintf("%d.rowlock", i))
			addrs := strings.Split(c.api(), ",")
			addrs = append(addrs[i%3:], addrs[:i%3]...)
			code, _, stderr, err := process.Run(limited(t), binary, process.Options{Args: []string{
				"backup", "save", "--to", to, "--addr", strings.Join(addrs, ",")}})
			_, missing := os.Stat(to)
			switch {
			case err != nil:
				t.Errorf("save %d: %v", i, err)
			case code == 0 && missing != nil:
				t.Errorf("save %d says it succeeded: %v", i, missing)
			case code == 0:
				good++
				select {
				case did <- struct{}{}:
				default:
				}
			case missing == nil && !strings.Contains(stderr, "don't agree"):
				t.Errorf("save %d failed (%s) and left something", i, stderr)
			}
		}
		ended <- good
	}()
	for range 2 {
		through := 0
		l := c.leader(through)
		kill(t, c.nodes[l].Process)
		c.start(l)
		c.voters(l, 3)
		select {
		case <-did: // one that ended since the last kill, or soon after it
		case <-limited(t).Done():
			t.Fatal("no save succeeds any more")
		}
	}
	stop()
	if good := <-ended; good < 2 {
		t.Errorf("only %d saves succeeded", good)
	}
	files, err := filepath.Glob(filepath.Join(dest, "*.rowlock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		must(t, c.nodes[0], "backup", "verify", path, "--allow-unagreed")
	}
}
