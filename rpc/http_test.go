package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// call makes an HTTP call and returns the status code and the body.
func (m *member) call(method, path, body string) (int, string) {
	m.t.Helper()
	req, err := http.NewRequestWithContext(m.ctx(), method, "http://"+m.server.HTTPAddr()+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// json makes an HTTP call that must succeed, and decodes the answer.
func (m *member) json(method, path, body string) map[string]any {
	m.t.Helper()
	code, text := m.call(method, path, body)
	if code != http.StatusOK {
		m.t.Fatalf("%s %s: %d %s", method, path, code, text)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		m.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

// A task's whole life over HTTP, as a shell script with curl would have it.
func TestGateway(t *testing.T) {
	m := start(t)
	out := m.json("POST", "/v1/tasks", `{"tasks": [{"queue": "mail", "kind": "send", "payload_json": {"to": ["a", "b"], "n": 1}}, {"queue": "mail"}], "request_id": "r1"}`)
	results := out["results"].([]any)
	id, other := results[0].(map[string]any)["task_id"].(string), results[1].(map[string]any)["task_id"].(string)

	got := m.json("GET", "/v1/tasks/"+id, "")["task"].(map[string]any)
	if got["state"] != "pending" || got["priority"] != 5.0 || got["retry_count"] != 0.0 || got["payload"] != "eyJuIjoxLCJ0byI6WyJhIiwiYiJdfQ==" {
		t.Errorf("task %v", got)
	}
	if got := m.json("GET", "/v1/tasks?queue=mail&states=pending&limit=1", ""); len(got["tasks"].([]any)) != 1 || got["next_cursor"] == "" {
		t.Errorf("list %v", got)
	}
	if got := m.json("GET", "/v1/tasks/"+id+":explain", "")["summary"].(string); !strings.Contains(got, "no worker") {
		t.Errorf("explained: %s", got)
	}
	session := m.json("POST", "/v1/sessions", `{"worker": {"worker_id": "curl", "queues": [{"queue": "mail"}]}}`)["session_id"].(string)
	leased := m.json("POST", "/v1/sessions/"+session+":lease", `{"max_tasks": 2, "wait_seconds": 1}`)["tasks"].([]any)
	first, second := leased[0].(map[string]any), leased[1].(map[string]any)
	if first["id"] != id || second["id"] != other {
		t.Fatalf("leased %v", leased)
	}
	m.json("POST", "/v1/sessions/"+session+":heartbeat", fmt.Sprintf(`{"held": [{"task_id": %q, "token": %q}]}`, id, first["token"]))
	m.json("POST", "/v1/tasks/"+id+":complete", fmt.Sprintf(`{"token": %q, "result": "b2s="}`, first["token"]))
	failed := m.json("POST", "/v1/tasks/"+other+":fail", fmt.Sprintf(`{"token": %s, "failure": {"message": "no", "permanent": true}}`, second["token"]))
	if failed["state"] != "dead_letter" {
		t.Errorf("failed: %v", failed)
	}
	if got := m.json("POST", "/v1/tasks/"+other+":retry", `{}`); len(got["results"].([]any)) != 1 {
		t.Errorf("retried: %v", got)
	}
	m.json("POST", "/v1/tasks/"+other+":cancel", "{}")
	m.json("DELETE", "/v1/tasks/"+other, "")
	if code, _ := m.call("GET", "/v1/tasks/"+other, ""); code != http.StatusNotFound {
		t.Errorf("a deleted task: %d", code)
	}
	m.json("DELETE", "/v1/sessions/"+session, "")
	m.json("PUT", "/v1/queues/mail", `{"settings": {"max_attempts": 7}}`)
	m.json("POST", "/v1/queues/mail:pause", "{}")
	queue := m.json("GET", "/v1/queues/mail", "")["queue"].(map[string]any)
	if queue["paused"] != true || queue["settings"].(map[string]any)["max_attempts"] != 7.0 || queue["completed_total"] != "1" {
		t.Errorf("queue %v", queue)
	}
	if got := m.json("GET", "/v1/queues", ""); len(got["queues"].([]any)) != 1 {
		t.Errorf("queues %v", got)
	}
	if got := m.json("GET", "/v1/status", ""); got["role"] != "leader" {
		t.Errorf("status %v", got)
	}
	if got := m.json("GET", "/v1/workers", ""); len(got["workers"].([]any)) != 0 {
		t.Errorf("workers %v", got)
	}
	if got := m.json("POST", "/v1/producers", `{"name": "x"}`); got["producer_id"] != "1" {
		t.Errorf("producer %v", got)
	}
}

// Every bad request gets one clear error as JSON.
func TestGatewayErrors(t *testing.T) {
	m := start(t)
	id := m.enqueue(&pb.NewTask{Queue: "q", UniqueKey: "u"})[0]
	big := fmt.Sprintf(`{"tasks": [{"queue": "q", "payload": "%s"}]}`, strings.Repeat("A", maxBody))
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		status, message    string
	}{
		"unknown field":        {"POST", "/v1/tasks", `{"tasks": [{"queu": "q"}]}`, 400, "INVALID_ARGUMENT", `unknown field "queu"`},
		"wrong type":           {"POST", "/v1/tasks", `{"tasks": [{"queue": 5}]}`, 400, "INVALID_ARGUMENT", "invalid value for string field queue"},
		"not JSON":             {"POST", "/v1/tasks", "\x00\xff", 400, "INVALID_ARGUMENT", "the request's body is not what this call takes"},
		"half JSON":            {"POST", "/v1/tasks", `{"tasks": [`, 400, "INVALID_ARGUMENT", "the request's body"},
		"bad base64":           {"POST", "/v1/tasks", `{"tasks": [{"queue": "q", "payload": "*"}]}`, 400, "INVALID_ARGUMENT", "invalid value for bytes field payload"},
		"validated":            {"POST", "/v1/tasks", `{"tasks": [{"queue": "q", "delay_seconds": -1}]}`, 400, "INVALID_ARGUMENT", "delay_seconds must not be negative"},
		"large body":           {"POST", "/v1/tasks", big, 413, "INVALID_ARGUMENT", "too large"},
		"unknown query":        {"GET", "/v1/tasks?colour=red", "", 400, "INVALID_ARGUMENT", `unknown field "colour"`},
		"bad query":            {"GET", "/v1/tasks?limit=x", "", 400, "INVALID_ARGUMENT", "limit"},
		"bad state":            {"GET", "/v1/tasks?states=asleep", "", 400, "INVALID_ARGUMENT", "asleep"},
		"no such task":         {"GET", "/v1/tasks/0000000000ZZZ", "", 404, "NOT_FOUND", "no task 0000000000ZZZ"},
		"bad ID":               {"GET", "/v1/tasks/x", "", 400, "INVALID_ARGUMENT", "not a task ID"},
		"no such path":         {"GET", "/v1/nothing", "", 404, "NOT_FOUND", "/openapi.json"},
		"no such page":         {"GET", "/nothing", "", 404, "NOT_FOUND", "/openapi.json"},
		"wrong method":         {"PATCH", "/v1/tasks", "", 405, "UNIMPLEMENTED", "PATCH"},
		"stale token":          {"POST", "/v1/tasks/" + id + ":complete", `{"token": 77}`, 400, "FAILED_PRECONDITION", "no longer held"},
		"bad session":          {"POST", "/v1/sessions/x:lease", `{}`, 400, "INVALID_ARGUMENT", "session_id in the path is not a number"},
		"the stream by HTTP":   {"POST", "/rowlock.v1.WorkerService/Work", `{}`, 404, "NOT_FOUND", ""},
		"payload and its twin": {"POST", "/v1/tasks", `{"tasks": [{"queue": "q", "payload": "AA==", "payload_json": 1}]}`, 400, "INVALID_ARGUMENT", "both given"},
	} {
		code, body := m.call(c.method, c.path, c.body)
		var e jsonError
		dec := json.NewDecoder(strings.NewReader(body))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&e); err != nil {
			t.Errorf("%s: %d %q: %v", name, code, body, err)
			continue
		}
		if code != c.code || e.Status != c.status || e.Reason == "" || !strings.Contains(e.Message, c.message) || strings.ContainsAny(e.Message, "\n\u00a0") {
			t.Errorf("%s: %d %+v", name, code, e)
		}
	}
	// A large body without a length is cut off too.
	req, err := http.NewRequestWithContext(m.ctx(), "POST", "http://"+m.server.HTTPAddr()+"/v1/tasks", io.MultiReader(strings.NewReader(big)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("a large body in chunks: %d", resp.StatusCode)
		}
	}
}

// A second server in the process starts while the first answers; this is for the race detector.
func TestSecondServer(t *testing.T) {
	m := start(t)
	started := make(chan struct{})
	go func() {
		defer close(started)
		c := m.server.cfg
		c.Registerer, c.APIAddr, c.HTTPAddr = nil, "127.0.0.1:0", "127.0.0.1:0"
		second, err := New(c)
		if err != nil {
			t.Error(err)
			return
		}
		_ = second.close() // nobody listens any more
	}()
	m.json("GET", "/v1/tasks?limit=1", "")
	<-started
	m.json("GET", "/v1/tasks?limit=1", "")
}

func TestProbes(t *testing.T) {
	m := start(t, func(_ *raftfsm.Config, c *Config) { c.Pprof = true })
	m.enqueue(some(3, "q")...)
	m.call("GET", "/v1/tasks/0000000000ZZZ", "")
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/openapi.json": `"swagger": "2.0"`, "/debug/pprof/": "goroutine",
	} {
		if code, body := m.call("GET", path, ""); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	_, metrics := m.call("GET", "/metrics", "")
	for _, want := range []string{
		`task_queue_size{queue="q"} 3`,
		`api_requests_total{method="Enqueue",service="rowlock.v1.TaskService"} 1`,
		`api_errors_total{method="Enqueue",service="rowlock.v1.TaskService"} 0`,
		`api_requests_total{method="GetTask",service="rowlock.v1.TaskService"} 1`,
		`api_errors_total{method="GetTask",service="rowlock.v1.TaskService"} 0`,
		`rowlock_api_responses_total{code="NotFound",method="GetTask",service="rowlock.v1.TaskService"} 1`,
		`api_request_duration_seconds_count{method="Enqueue",service="rowlock.v1.TaskService"} 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if code, _ := start(t).call("GET", "/debug/pprof/", ""); code != http.StatusNotFound {
		t.Errorf("pprof is served without having been asked for: %d", code)
	}
}

func TestHealthAndReflection(t *testing.T) {
	m := start(t)
	m.until("serving", func() bool {
		out, err := healthpb.NewHealthClient(m.conn).Check(m.ctx(), &healthpb.HealthCheckRequest{Service: "rowlock.v1.TaskService"})
		return err == nil && out.GetStatus() == healthpb.HealthCheckResponse_SERVING
	})
	stream, err := reflectionpb.NewServerReflectionClient(m.conn).ServerReflectionInfo(m.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	out, err := stream.Recv()
	if err != nil || !strings.Contains(out.String(), "rowlock.v1.WorkerService") {
		t.Errorf("%v, %v", out, err)
	}
}

// Garbage on either port, and messages larger than any call takes, hurt nobody.
func TestGarbage(t *testing.T) {
	m := start(t)
	for _, addr := range []string{m.server.APIAddr(), m.server.HTTPAddr()} {
		for _, junk := range [][]byte{
			bytes.Repeat([]byte{0xff}, 64<<10), []byte("GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 2*maxHeader) + "\r\n\r\n"),
			[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff"), {0},
		} {
			conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = conn.Write(junk) // the server may hang up in the middle
			_ = conn.Close()
		}
	}
	huge := &pb.EnqueueRequest{Tasks: []*pb.NewTask{{Queue: "q", Payload: make([]byte, 32<<20)}}}
	if _, err := m.tasks.Enqueue(m.ctx(), huge); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a huge message: %v", err)
	}
	var raw []byte
	err := m.conn.Invoke(m.ctx(), "/rowlock.v1.TaskService/Enqueue", []byte("\xff\xff\xff"), &raw, grpc.ForceCodec(rawCodec{}))
	if status.Code(err) != codes.Internal && status.Code(err) != codes.InvalidArgument {
		t.Errorf("a message that isn't protobuf: %v", err)
	}
	if err := m.conn.Invoke(m.ctx(), "/rowlock.v1.TaskService/Nothing", &pb.GetTaskRequest{}, &pb.GetTaskResponse{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown method: %v", err)
	}
	m.enqueue(some(1, "q")...)
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }
func (rawCodec) Name() string                    { return "proto" }

func TestConfig(t *testing.T) {
	m := start(t)
	good := m.server.cfg
	good.Registerer, good.APIAddr, good.HTTPAddr = nil, "127.0.0.1:0", "127.0.0.1:0"
	for name, spoil := range map[string]func(*Config){
		"no node":      func(c *Config) { c.Node = nil },
		"no logger":    func(c *Config) { c.Logger = nil },
		"bad address":  func(c *Config) { c.APIAddr = "nowhere" },
		"bad limits":   func(c *Config) { c.Limits.Held = 1 << 20 },
		"port in use":  func(c *Config) { c.HTTPAddr = m.server.HTTPAddr() },
		"same metrics": func(c *Config) { c.Registerer = m.registry },
	} {
		c := good
		spoil(&c)
		if s, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
			_ = s.close()
		}
	}
}

func FuzzGatewayJSON(f *testing.F) {
	f.Add([]byte(`{"tasks": [{"queue": "q", "payload_json": {"a": [1, null]}}]}`))
	f.Add([]byte(`{"tasks": [{"queue": "q", "run_at": "2030-01-01T00:00:00Z", "labels": {"a": "b"}}]}`))
	f.Add([]byte(`{"tasks": 5}`))
	limits := Limits{}.withDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		var req pb.EnqueueRequest
		if err := newMarshaler().NewDecoder(bytes.NewReader(body)).Decode(&req); err != nil {
			if strings.Contains(err.Error(), "\u00a0") {
				t.Errorf("the error has a no-break space: %q", err)
			}
			return
		}
		tasks, err := limits.newTasks(req.GetTasks())
		if err != nil {
			return
		}
		for len(tasks) > 0 {
			n := nextPart(tasks)
			if n < 1 {
				t.Fatal("an empty part")
			}
			tasks = tasks[n:]
		}
	})
}
