package rpc

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

func manyLabels(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint("k", i)] = ""
	}
	return m
}

// Every bad input is refused with one sentence that names the field.
func TestBadTasks(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct {
		task *pb.NewTask
		want string // in the message
	}{
		"no queue":             {&pb.NewTask{}, "queue is required"},
		"queue with space":     {&pb.NewTask{Queue: "a b"}, `queue "a b" is no queue name: 1 to 128 letters`},
		"queue begins badly":   {&pb.NewTask{Queue: "-a"}, `queue "-a" is no queue name`},
		"long queue":           {&pb.NewTask{Queue: long(129)}, "queue \"xxx"},
		"large payload":        {&pb.NewTask{Queue: "q", Payload: make([]byte, 256<<10+1)}, "payload has 262145 bytes, but may have at most 262144"},
		"large JSON payload":   {&pb.NewTask{Queue: "q", PayloadJson: structpb.NewStringValue(long(256 << 10))}, "payload has 262146 bytes"},
		"two payloads":         {&pb.NewTask{Queue: "q", Payload: []byte("x"), PayloadJson: structpb.NewBoolValue(true)}, "payload and payload_json are both given"},
		"JSON without value":   {&pb.NewTask{Queue: "q", PayloadJson: &structpb.Value{}}, "payload_json is no JSON value"},
		"JSON not a number":    {&pb.NewTask{Queue: "q", PayloadJson: structpb.NewNumberValue(math.NaN())}, "payload_json is no JSON value"},
		"priority":             {&pb.NewTask{Queue: "q", Priority: proto.Uint32(10)}, "priority must be 0 to 9, not 10"},
		"negative delay":       {&pb.NewTask{Queue: "q", DelaySeconds: -1}, "delay_seconds must not be negative"},
		"delay not a number":   {&pb.NewTask{Queue: "q", DelaySeconds: math.NaN()}, "delay_seconds must not be negative"},
		"endless delay":        {&pb.NewTask{Queue: "q", DelaySeconds: math.Inf(1)}, "delay_seconds must not exceed 100 years"},
		"delay and run_at":     {&pb.NewTask{Queue: "q", DelaySeconds: 1, RunAt: timestamppb.Now()}, "delay_seconds and run_at are both given"},
		"run_at before 1970":   {&pb.NewTask{Queue: "q", RunAt: timestamppb.New(time.Unix(-5, 0))}, "run_at must be a time"},
		"run_at no time":       {&pb.NewTask{Queue: "q", RunAt: &timestamppb.Timestamp{Nanos: -1}}, "run_at must be a time"},
		"negative timeout":     {&pb.NewTask{Queue: "q", TimeoutSeconds: -1}, "timeout_seconds must not be negative"},
		"negative ttl":         {&pb.NewTask{Queue: "q", TtlSeconds: -1}, "ttl_seconds must not be negative"},
		"many attempts":        {&pb.NewTask{Queue: "q", MaxAttempts: 10_001}, "max_attempts must be at most 10000"},
		"many deaths":          {&pb.NewTask{Queue: "q", MaxWorkerDeaths: 101}, "max_worker_deaths must be at most 100"},
		"long unique key":      {&pb.NewTask{Queue: "q", UniqueKey: long(257)}, "unique_key has 257 bytes, but may have at most 256"},
		"unknown unique mode":  {&pb.NewTask{Queue: "q", UniqueKey: "k", UniqueMode: 9}, "unique_mode 9 is unknown"},
		"mode without key":     {&pb.NewTask{Queue: "q", UniqueMode: pb.UniqueMode_replace}, "unique_key is required"},
		"window without key":   {&pb.NewTask{Queue: "q", UniqueWindowSeconds: 1}, "unique_key is required"},
		"negative window":      {&pb.NewTask{Queue: "q", UniqueKey: "k", UniqueWindowSeconds: -1}, "unique_window_seconds must not be negative"},
		"long kind":            {&pb.NewTask{Queue: "q", Kind: long(129)}, "kind has 129 bytes"},
		"long singleton key":   {&pb.NewTask{Queue: "q", SingletonKey: long(257)}, "singleton_key has 257 bytes, but may have at most 256"},
		"long sticky key":      {&pb.NewTask{Queue: "q", StickyKey: long(257)}, "sticky_key has 257 bytes, but may have at most 256"},
		"empty requirement":    {&pb.NewTask{Queue: "q", Require: map[string]string{"": "x"}}, "require has an empty key"},
		"many requirements":    {&pb.NewTask{Queue: "q", Require: manyLabels(65)}, "require has 65 labels"},
		"long fair key":        {&pb.NewTask{Queue: "q", FairKey: long(129)}, "fair_key has 129 bytes"},
		"long trace context":   {&pb.NewTask{Queue: "q", TraceContext: long(513)}, "trace_context has 513 bytes"},
		"many labels":          {&pb.NewTask{Queue: "q", Labels: manyLabels(33)}, "labels has 33 labels, but may have at most 32"},
		"long label key":       {&pb.NewTask{Queue: "q", Labels: map[string]string{long(64): ""}}, "a key may have at most 63 bytes"},
		"empty label key":      {&pb.NewTask{Queue: "q", Labels: map[string]string{"": "v"}}, "labels has an empty key"},
		"long label":           {&pb.NewTask{Queue: "q", Labels: map[string]string{"k": long(257)}}, `labels["k"] has 257 bytes`},
		"negative backoff":     {&pb.NewTask{Queue: "q", Backoff: &pb.Backoff{InitialSeconds: -1}}, "backoff.initial_seconds must not be negative"},
		"backoff upside down":  {&pb.NewTask{Queue: "q", Backoff: &pb.Backoff{InitialSeconds: 5, MaximumSeconds: 1}}, "backoff.maximum_seconds must not be below"},
		"multiplier":           {&pb.NewTask{Queue: "q", Backoff: &pb.Backoff{Multiplier: 0.5}}, "backoff.multiplier must be 1 to 1000"},
		"multiplier not a num": {&pb.NewTask{Queue: "q", Backoff: &pb.Backoff{Multiplier: math.NaN()}}, "backoff.multiplier must be 1 to 1000"},
		"many delays":          {&pb.NewTask{Queue: "q", Backoff: &pb.Backoff{DelaysSeconds: make([]float64, 51)}}, "backoff.delays_seconds has 51 delays"},
		"negative delays":      {&pb.NewTask{Queue: "q", Backoff: &pb.Backoff{DelaysSeconds: []float64{-1}}}, "backoff.delays_seconds must not be negative"},
		"bad parent":           {&pb.NewTask{Queue: "q", DependsOn: []string{"nope"}}, `depends_on[0] "nope" is not a task ID`},
		"many parents":         {&pb.NewTask{Queue: "q", DependsOn: make([]string, 101)}, "depends_on has 101 IDs"},
	} {
		_, err := Limits{}.withDefaults().newTasks([]*pb.NewTask{c.task})
		s := toStatus(err)
		if s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), c.want) || strings.Contains(s.Message(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		_, err = Limits{}.withDefaults().newTasks([]*pb.NewTask{{Queue: "good"}, c.task})
		if err == nil || !strings.HasPrefix(err.Error(), "tasks[1].") {
			t.Errorf("%s, as the second: %v", name, err)
		}
	}
}

func TestBatchBounds(t *testing.T) {
	l := Limits{}.withDefaults()
	for name, c := range map[string]struct {
		tasks []*pb.NewTask
		want  string
	}{
		"empty":    {nil, "tasks is required"},
		"too many": {some(10_001, "q"), "tasks has 10001 tasks, but may have at most 10000"},
		"too large": {func() []*pb.NewTask {
			list := some(17, "q")
			for _, x := range list {
				x.Payload = make([]byte, 250<<10)
			}
			return list
		}(), "tasks has 4352034 bytes, but may have at most 4194304"},
	} {
		if _, err := l.newTasks(c.tasks); err == nil || err.Error() != c.want && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// All that a task may carry arrives as it was given.
func TestNewTask(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
	in := &pb.NewTask{
		Queue: "Q.1_a-b", Kind: "k", Payload: []byte("p"), Priority: proto.Uint32(0), RunAt: timestamppb.New(at), MaxAttempts: 3,
		MaxWorkerDeaths: 2, TimeoutSeconds: 1.5, TtlSeconds: 0.0000001, UniqueKey: "u", UniqueMode: pb.UniqueMode_replace,
		UniqueWindowSeconds: 60, FairKey: "f", Labels: map[string]string{"b": "2", "a": "1"}, TraceContext: "t",
		Backoff: &pb.Backoff{InitialSeconds: 1, MaximumSeconds: 10, Multiplier: 1.5, DelaysSeconds: []float64{1, 2}},
	}
	want := task.NewTask{
		Queue: "Q.1_a-b", Kind: "k", Payload: []byte("p"), Priority: 0, RunAt: at.UnixMicro(), MaxAttempts: 3, MaxWorkerDeaths: 2,
		Timeout: 1_500_000, TTL: 1, UniqueKey: "u", UniqueMode: task.UniqueReplace, UniqueWindow: 60_000_000, FairKey: "f",
		Labels: []task.Label{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, TraceContext: "t",
		Backoff: task.Backoff{Initial: 1_000_000, Maximum: 10_000_000, Multiplier: 1500, Delays: []task.Duration{1_000_000, 2_000_000}},
	}
	got, err := Limits{}.withDefaults().newTasks([]*pb.NewTask{in})
	if err != nil || fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got[0], want)
	}
	value, err := structpb.NewValue(map[string]any{"b": []any{1.0, 2.5, nil, "<&>"}, "a": true, "big": 1e21})
	if err != nil {
		t.Fatal(err)
	}
	got, err = Limits{}.withDefaults().newTasks([]*pb.NewTask{{Queue: "q", PayloadJson: value}})
	if err != nil || string(got[0].Payload) != `{"a":true,"b":[1,2.5,null,"<&>"],"big":1e+21}` || got[0].Priority != defaultPriority {
		t.Errorf("JSON payload: %v, %s", err, got[0].Payload)
	}
}

func TestLimits(t *testing.T) {
	for name, l := range map[string]Limits{
		"payload":  {PayloadBytes: maxTaskBytes + 1},
		"negative": {ResultBytes: -1},
		"batch":    {BatchTasks: 10_001},
		"held":     {Held: 5000},
		"unequal":  {BatchBytes: 10, PayloadBytes: 11},
	} {
		if err := l.withDefaults().validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (Limits{}).withDefaults().validate(); err != nil {
		t.Error(err)
	}
}

func TestQueueNames(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "A.b_c-9": true, strings.Repeat("x", 128): true, "9": true,
		"": false, ".a": false, "_": false, "a/b": false, "ä": false, "a\n": false, strings.Repeat("x", 129): false,
	} {
		if validQueue(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestCutText(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "abcdef": "abcd", "abcä": "abc", "äöü": "äö"} {
		if got := cutText(in, 4); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
