package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// TestFullDisk fills the disk: new tasks are refused with a clear error before the database fails, what makes room goes
// on, nothing acknowledged is lost, and the server takes tasks again when there is room.
func TestFullDisk(t *testing.T) {
	dir, remount := tmpfs(t, 320)
	n := serve(t, dir, nil, "--min-free", "64MiB")
	c := connect(t, n)
	l := newLedger()

	payload := strings.Repeat("x", 200_000)
	var refusal error
	for refusal == nil {
		receipt, err := c.Enqueue(limited(t), client.Raw("", []byte(payload)), client.Queue(loadQueue))
		if err == nil {
			l.accept(receipt.ID)
		}
		refusal = err
		if accepted, _ := l.counts(); accepted > 2000 {
			t.Fatal("400 MB were accepted on a disk of 320 MB that keeps all of it twice")
		}
	}
	if !errors.Is(refusal, client.ErrNoSpace) {
		t.Fatalf("refused by %v, want ErrNoSpace", refusal)
	}
	accepted, _ := l.counts()
	t.Logf("%d tasks were accepted; then: %v", accepted, refusal)
	if code, _, stderr := rowlock(t, n, "enqueue", loadQueue, "--payload", "1"); code != 4 || !strings.Contains(stderr, "space") {
		t.Errorf("the command line: exit code %d, %q", code, stderr)
	}
	l.checkNews(t, c)

	// Completions go on, all of them.
	workers := startLoad(t, c, l, 0, 4)
	eventually(t, "all tasks are completed on the full disk", func(context.Context) (bool, error) {
		accepted, completed := l.counts()
		return completed == accepted, nil
	})
	workers.end()

	// A restart on the full disk loses nothing.
	stop(t, n.Process)
	n = serve(t, dir, n, "--min-free", "64MiB")
	l.checkAll(t, c)

	remount(1024)
	eventually(t, "new tasks are taken again", func(ctx context.Context) (bool, error) {
		_, err := c.Enqueue(ctx, client.Raw("", []byte(payload)), client.Queue(loadQueue))
		return err == nil, err
	})
	l.checkAll(t, c)
	stop(t, n.Process)
}
