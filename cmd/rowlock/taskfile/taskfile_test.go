package taskfile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func write(t *testing.T, text string) *File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tasks.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, nil, "default")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBadLines(t *testing.T) {
	long := `{"payload":"` + strings.Repeat("x", maxLineBytes) + `"}`
	for _, c := range []struct{ text, want string }{
		{`{"queue":"mail"`, "line 2: not a whole JSON object: the line is cut off"},
		{`[1]`, "line 2: want a JSON object, got array"},
		{`"x"`, "line 2: want a JSON object, got string"},
		{`{"queue":7}`, "line 2: queue can't be a number"},
		{`{"queue":"a b"}`, `line 2: queue "a b": a name is`},
		{`{"qeue":"mail"}`, `line 2: unknown field "qeue"`},
		{`{} {}`, "line 2: there is more behind the object"},
		{`{"priority":10}`, "line 2: priority 10: want 0 to 9"},
		{`{"priority":-1}`, "line 2: priority can't be a number -1"},
		{`{"delay_seconds":-1}`, "line 2: delay of -1 s: want 0 or more"},
		{`{"delay_seconds":1,"run_at":"2030-01-01T00:00:00Z"}`, "line 2: a delay and a run time exclude each other"},
		{`{"payload":1,"payload_base64":"eA=="}`, "line 2: payload and payload_base64 exclude each other"},
		{`{"unique_mode":"return"}`, "line 2: a unique mode or window needs a unique key (--unique-key, unique_key)"},
		{`{"unique_key":"k","unique_mode":"keep"}`, `line 2: unique_mode "keep": want reject, return, replace or debounce`},
		{`{"payload":"` + strings.Repeat("x", MaxPayloadBytes) + `"}`, "line 2: a payload of 262146 bytes is over the bound"},
		{long, "line 2: the line is longer than"},
		{"\x00\xff", "line 2: not JSON: invalid character"},
	} {
		tasks, err := write(t, "{}\n"+c.text+"\n{}\n").Check()
		var line *LineError
		if !errors.As(err, &line) || line.Line != 2 || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.60s: got %d tasks, %v, want %q", c.text, tasks, err, c.want)
		}
	}
}

func TestPayloadStaysAsWritten(t *testing.T) {
	f := write(t, `{"payload": {"b":1.50, "a":"<&>"}}`+"\n\n"+`{"payload_base64":"AAE="}`)
	var got []string
	err := f.Batches(func(b Batch) error {
		for i, task := range b.Tasks {
			got = append(got, strconv.Itoa(b.Lines[i])+" "+task.GetQueue()+" "+string(task.GetPayload()))
		}
		return nil
	})
	want := []string{`1 default {"b":1.50, "a":"<&>"}`, "3 default \x00\x01"}
	if err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	many := write(t, strings.Repeat(`{"payload":1}`+"\n", 2*batchTasks+1))
	large := write(t, strings.Repeat(`{"payload":"`+strings.Repeat("x", MaxPayloadBytes/2)+`"}`+"\n", 50))
	for _, c := range []struct {
		file  *File
		tasks int
		most  int
	}{{many, 2*batchTasks + 1, batchTasks}, {large, 50, 23}} {
		total := 0
		err := c.file.Batches(func(b Batch) error {
			if len(b.Tasks) > c.most {
				t.Errorf("a batch of %d tasks, want at most %d", len(b.Tasks), c.most)
			}
			total += len(b.Tasks)
			return nil
		})
		if err != nil || total != c.tasks {
			t.Errorf("got %d tasks, %v, want %d", total, err, c.tasks)
		}
	}
}

func TestStdinIsCopiedAside(t *testing.T) {
	f, err := Open("-", strings.NewReader("{}\n{}\n"), "default")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := f.Check(); n != 2 || err != nil {
			t.Errorf("got %d tasks, %v, want 2", n, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"queue":"mail","payload":{"a":1},"labels":{"a":"b"},"run_at":"2030-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"backoff":{"delays_seconds":[1,2]},"depends_on":["000000000001A"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		task, err := parse(text, "default")
		if (task == nil) && err == nil {
			t.Error("neither a task nor an error")
		}
	})
}
