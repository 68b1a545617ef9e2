package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// killCase is a command that is killed before each change of a file that it makes.
type killCase struct {
	// args makes what the command needs, anew each time, and returns its arguments.
	args func(t *testing.T) []string
	// after looks at what was left, and has the command run again.
	after func(t *testing.T, args []string)
	// trials bounds how many moments are tried in the short run.
	trials int
}

// run lets the command come to its end once, to see what it changes, and kills it at moments from its beginning to its end.
func (k *killCase) run(t *testing.T, addr string) {
	t.Helper()
	watch := func(n int) (*process.Traced, []string) {
		t.Helper()
		args := k.args(t)
		traced, err := process.KillBefore(limited(t), binary, process.Options{Args: args, Env: []string{"ROWLOCK_ADDR=" + addr}}, n)
		if errors.Is(err, process.ErrNoTrace) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return traced, args
	}
	whole, args := watch(process.Never)
	if whole.Code != 0 {
		t.Fatalf("rowlock %s: exit code %d: %s", strings.Join(args, " "), whole.Code, whole.Stderr)
	}
	k.after(t, args)
	moments := whole.Moments()
	if testing.Short() && len(moments) > k.trials {
		rand.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
		moments = moments[:k.trials]
	}
	for _, n := range moments {
		traced, args := watch(n)
		if !traced.Killed && traced.Code != 0 {
			t.Fatalf("rowlock %s: exit code %d: %s", strings.Join(args, " "), traced.Code, traced.Stderr)
		}
		k.after(t, args)
		if t.Failed() {
			t.Fatalf("it was killed after %d of %d changes: %+v", n, len(whole.Changes), traced.Changes)
		}
	}
}

// again runs the command to its end.
func again(t *testing.T, addr string, args []string) (code int, stdout, stderr string) {
	t.Helper()
	code, stdout, stderr, err := process.Run(limited(t), binary, process.Options{Args: args, Env: []string{"ROWLOCK_ADDR=" + addr}})
	if err != nil {
		t.Fatal(err)
	}
	return code, stdout, stderr
}

// mustAgain runs the command to its end, which has to be a good one.
func mustAgain(t *testing.T, addr string, args ...string) string {
	t.Helper()
	code, stdout, stderr := again(t, addr, args)
	if code != 0 {
		t.Errorf("rowlock %s, once more: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// names are those of what is in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestKilledKeygen: there are four keys that belong together in the end, whenever it was killed.
func TestKilledKeygen(t *testing.T) {
	k := killCase{trials: 8}
	k.args = func(t *testing.T) []string {
		return []string{"backup", "keygen", "--dir", filepath.Join(t.TempDir(), "keys")}
	}
	k.after = func(t *testing.T, args []string) {
		dir := args[3]
		found, err := filepath.Glob(filepath.Join(dir, "b*"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = os.Stat(filepath.Join(dir, ".keygen"))
		whole := len(found) == 4 && err != nil
		code, _, stderr := again(t, "", args)
		if refused := code == 4 && strings.Contains(stderr, "is there already"); whole != refused || !whole && code != 0 {
			t.Errorf("whole %t, and once more: exit code %d: %s", whole, code, stderr)
		}
		if list := names(t, dir); strings.Join(list, " ") != "backup-sign.key backup-sign.pub backup.agekey backup.agepub" {
			t.Errorf("there are %q", list)
		}
		public, err1 := os.ReadFile(filepath.Join(dir, "backup.agepub"))
		private, err2 := os.ReadFile(filepath.Join(dir, "backup.agekey"))
		if err := errors.Join(err1, err2); err != nil || len(public) < 20 || !bytes.Contains(private, bytes.TrimSpace(public)) {
			t.Errorf("the public key %q isn't that of the private one: %v", public, err)
		}
		for _, name := range []string{"backup-sign.key", "backup-sign.pub"} {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.HasSuffix(text, []byte("KEY-----\n")) {
				t.Errorf("%s is %q, %v", name, text, err)
			}
		}
	}
	k.run(t, "")
}

// TestKilledReaders kills what copies tasks or states out of a group or a backup. No file is taken for a whole one that isn't, and
// nothing temporary stays.
func TestKilledReaders(t *testing.T) {
	const tasks = 1500 // more than a page
	n := serve(t, t.TempDir(), nil)
	enqueueMany(t, connect(t, n), "q", tasks)
	dest := t.TempDir()
	must(t, n, "backup", "save", "--to", dest)

	lines := func(trials int, args ...string) killCase {
		return killCase{
			trials: trials,
			args:   func(t *testing.T) []string { return append(args, "--to", filepath.Join(t.TempDir(), "tasks.jsonl")) },
			after: func(t *testing.T, args []string) {
				path := args[len(args)-1]
				if _, err := os.Stat(path); err != nil {
					mustAgain(t, n.API, args...)
				}
				if list := names(t, filepath.Dir(path)); len(list) != 1 {
					t.Errorf("there are %q", list)
				}
				text, err := os.ReadFile(path)
				if got := bytes.Count(text, []byte("\n")); err != nil || got != tasks || !bytes.HasSuffix(text, []byte("}\n")) {
					t.Errorf("the file has %d of %d tasks: %v", got, tasks, err)
				}
			},
		}
	}
	temporary := func(trials int, args ...string) killCase {
		return killCase{
			trials: trials,
			args:   func(t *testing.T) []string { return append(args, "--temp-dir", t.TempDir()) },
			after: func(t *testing.T, args []string) {
				mustAgain(t, n.API, args...)
				if left := names(t, args[len(args)-1]); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			},
		}
	}
	for name, k := range map[string]killCase{
		"task export":    lines(3, "task", "export"),
		"backup extract": lines(3, "backup", "extract", "--from", dest),
		"backup verify":  temporary(2, "backup", "verify", "--from", dest),
		"backup drill":   temporary(2, "backup", "drill"),
		"dry run":        temporary(2, "backup", "restore", "--from", dest, "--dry-run"),
	} {
		t.Run(name, func(t *testing.T) { k.run(t, n.API) })
	}
}

// enqueueMany enqueues so many tasks.
func enqueueMany(t *testing.T, c *client.Client, queue string, tasks int) {
	t.Helper()
	batch := make([]client.NewTask, tasks)
	for i := range batch {
		batch[i] = client.NewTask{Args: client.Raw("", fmt.Appendf(nil, `{"n":%d}`, i)), Options: []client.Option{client.Queue(queue)}}
	}
	if _, err := c.EnqueueMany(limited(t), batch); err != nil {
		t.Fatal(err)
	}
}

// dryRun is what a restore of the newest state at a destination would give.
func dryRun(t *testing.T, dest string, more ...string) (restored struct {
	Index     uint64 `json:"backup_index"`
	Hash      string `json:"state_hash"`
	LiveTasks int    `json:"live_tasks"`
}) {
	t.Helper()
	out := mustAgain(t, "", append([]string{"backup", "restore", "--from", dest, "--dry-run", "-o", "json"}, more...)...)
	if err := json.Unmarshal([]byte(out), &restored); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return restored
}
