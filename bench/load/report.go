package load

import (
	"runtime"
	"slices"
	"time"
)

// Report is what was measured. Modes that didn't run leave their fields out.
type Report struct {
	EnqueuePerS       float64      `json:"enqueue_per_s,omitempty"`
	EnqueueSinglePerS float64      `json:"enqueue_single_per_s,omitempty"`
	DrainPerS         float64      `json:"drain_per_s,omitempty"`
	LifecyclePerS     float64      `json:"lifecycle_per_s,omitempty"`
	PickupMs          *Percentiles `json:"pickup_ms,omitempty"`
	// AckMs is how long the calls of Enqueue took in the latency mode.
	AckMs    *Percentiles    `json:"enqueue_ack_ms,omitempty"`
	Backlog  *BacklogReport  `json:"backlog,omitempty"`
	Fairness *FairnessReport `json:"fairness,omitempty"`
	// The largest of what was seen at the ends of the modes; 0: the server runs elsewhere.
	ServerRSSBytes     uint64 `json:"server_rss_bytes,omitempty"`
	ServerRSSAnonBytes uint64 `json:"server_rss_anon_bytes,omitempty"`
	ServerRSSFileBytes uint64 `json:"server_rss_file_bytes,omitempty"`
	DataBytes          uint64 `json:"data_bytes,omitempty"`

	Settings Settings `json:"settings"`
	Machine  Machine  `json:"machine"`
}

// Settings are the configuration that was run.
type Settings struct {
	Config
	DurationSeconds float64 `json:"duration_seconds"`
}

// Machine is where it ran.
type Machine struct {
	CPUs int    `json:"cpus"`
	Go   string `json:"go_version"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// BacklogReport is what many waiting tasks cost.
type BacklogReport struct {
	Pending int `json:"pending"`
	// Just after they were enqueued.
	RSSAnonAfterFillBytes uint64 `json:"rss_anon_after_fill_bytes,omitempty"`
	// With all of them waiting and nothing going on.
	RSSBytes     uint64 `json:"rss_bytes,omitempty"`
	RSSAnonBytes uint64 `json:"rss_anon_bytes,omitempty"`
	RSSFileBytes uint64 `json:"rss_file_bytes,omitempty"`
	DataBytes    uint64 `json:"data_bytes,omitempty"`
	// From the start of the process to 'ready', and its memory then.
	RestartSeconds           float64 `json:"restart_seconds,omitempty"`
	RSSAnonAfterRestartBytes uint64  `json:"rss_anon_after_restart_bytes,omitempty"`
	// Lifecycles per second while this many are kept waiting, and while few are, by the same number of operations.
	FewPending     int     `json:"few_pending"`
	FewPerS        float64 `json:"few_per_s"`
	ManyPerS       float64 `json:"many_per_s"`
	ManyToFew      float64 `json:"many_to_few"`
	OperationsEach int     `json:"operations_each"`
}

// Percentiles of durations in milliseconds.
type Percentiles struct {
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
	Count int     `json:"count"`
}

// PercentilesOf sorts its argument. It returns nil for nothing.
func PercentilesOf(ds []time.Duration) *Percentiles {
	if len(ds) == 0 {
		return nil
	}
	slices.Sort(ds)
	ms := func(q float64) float64 {
		at := min(int(q*float64(len(ds))), len(ds)-1)
		return float64(ds[at].Microseconds()) / 1000
	}
	return &Percentiles{P50: ms(0.50), P99: ms(0.99), Max: ms(1), Count: len(ds)}
}

// ThisMachine is the one that this process runs on.
func ThisMachine() Machine {
	return Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}
