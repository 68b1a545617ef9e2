package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func sampleTask() *rowlockv1.Task {
	return &rowlockv1.Task{
		Id: "000000000001A", Queue: "mail", Kind: "welcome", State: rowlockv1.Task_dead_letter, Reason: "attempts_exhausted",
		Priority: 5, Attempt: 3, MaxAttempts: 3, RetryCount: 3, WorkerId: "w1", PayloadBytes: 11, Payload: []byte(`{"to":"a&b"}`),
		EnqueuedAt: timestamppb.New(now.Add(-time.Hour)), Result: []byte{0, 255}, Token: 7,
		Errors: []*rowlockv1.TaskError{{At: timestamppb.New(now), Attempt: 3, Cause: "failed", Message: "no\nroute\x1b[2J", WorkerId: "w1"}},
	}
}

func TestTaskAsJSON(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, JSON, NewTask(sampleTask())); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"state": "dead_letter"`, `"retry_count": 3`, `"worker_id": "w1"`, `"enqueued_at": "2030-01-02T02:04:05Z"`,
		`"to": "a&b"`, `"result_base64": "AP8="`, `"token": 7`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in %s", want, b.String())
		}
	}
	for _, not := range []string{"payload_base64", `"result":`, "finished_at"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("%s is in %s", not, b.String())
		}
	}
}

func TestPayloadThatIsNotJSON(t *testing.T) {
	for _, payload := range []string{"plain", "{", "\"\xff\"", "\x00"} {
		task := NewTask(&rowlockv1.Task{Payload: []byte(payload)})
		if task.Payload != nil || string(task.PayloadBase64) != payload {
			t.Errorf("%q: got %s and %q", payload, task.Payload, task.PayloadBase64)
		}
	}
}

func TestYAMLKeepsStringsStrings(t *testing.T) {
	in := map[string]any{"a": "true", "b": "12", "c": "2030-01-01T00:00:00Z", "d": "x: y", "e": "", "f": 1.5, "g": "two\nlines"}
	var b bytes.Buffer
	if err := Write(&b, YAML, in); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`a: "true"`, `b: "12"`, `c: "2030-01-01T00:00:00Z"`, `e: ""`, "f: 1.5"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in:\n%s", want, b.String())
		}
	}
}

func TestListIsOneArrayOverItsPages(t *testing.T) {
	for _, pages := range [][]int{{}, {0, 0}, {1}, {2, 0, 3}} {
		var b bytes.Buffer
		list := NewList(&b, JSON, Tasks(now))
		total := 0
		for _, n := range pages {
			total += n
			if err := list.Page(make([]Task, n)); err != nil {
				t.Fatal(err)
			}
		}
		if err := list.Close("none"); err != nil {
			t.Fatal(err)
		}
		var got []Task
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || len(got) != total {
			t.Errorf("pages %v: %d items, %v in %s", pages, len(got), err, b.String())
		}
	}
}

func TestTablesForPeople(t *testing.T) {
	var b bytes.Buffer
	list := NewList(&b, People, Tasks(now))
	for range 2 {
		if err := list.Page([]Task{NewTask(sampleTask())}); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "ID") || !strings.Contains(lines[1], "attempts_exhausted: no route") {
		t.Errorf("got %q", lines)
	}
	if strings.ContainsRune(b.String(), '\x1b') {
		t.Errorf("an error's text drives the terminal: %q", b.String())
	}
	b.Reset()
	if err := NewList(&b, People, Tasks(now)).Close("No tasks."); err != nil || b.String() != "No tasks.\n" {
		t.Errorf("an empty list prints %q, %v", b.String(), err)
	}
}

func TestSpansAndSizes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Millisecond: "5ms", 45 * time.Second: "45s", 192 * time.Second: "3m12s", 320 * time.Minute: "5h20m", 76 * time.Hour: "3d4h",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
