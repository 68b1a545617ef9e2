package load

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// ramp makes samples of a count that grows by perSecond from a start that is slow.
func ramp(seconds int, perSecond uint64) []sample {
	begin := time.Unix(0, 0)
	var samples []sample
	count := uint64(0)
	for i := range seconds + 1 {
		samples = append(samples, sample{at: begin.Add(time.Duration(i) * time.Second), count: count})
		if i >= seconds/10 {
			count += perSecond
		}
	}
	return samples
}

func TestRateLeavesOutTheWarmUp(t *testing.T) {
	for _, seconds := range []int{20, 30, 40} {
		if got, err := rate(ramp(seconds, 500)); got != 500 || err != nil {
			t.Errorf("%d s: got %g, %v, want 500", seconds, got, err)
		}
	}
	for _, samples := range [][]sample{nil, ramp(1, 500), {{}, {}, {}}} {
		if got, err := rate(samples); !errors.Is(err, errTooShort) {
			t.Errorf("%d samples: got %g, %v, want %v", len(samples), got, err, errTooShort)
		}
	}
}

func TestIdleEndIsLeftOut(t *testing.T) {
	samples := ramp(20, 500)
	end := samples[len(samples)-1]
	samples = append(samples, sample{at: end.at.Add(time.Second), count: end.count + 100}, sample{at: end.at.Add(2 * time.Second), count: end.count + 100})
	if got, err := rate(whileBusy(samples, end.count+100)); got != 500 || err != nil {
		t.Errorf("got %g, %v, want 500", got, err)
	}
}

func TestPercentiles(t *testing.T) {
	var ds []time.Duration
	for i := 1000; i > 0; i-- {
		ds = append(ds, time.Duration(i)*time.Millisecond)
	}
	if got := *PercentilesOf(ds); got != (Percentiles{P50: 501, P99: 991, Max: 1000, Count: 1000}) {
		t.Errorf("got %+v", got)
	}
	if PercentilesOf(nil) != nil {
		t.Error("percentiles of nothing")
	}
}

func TestPayloadsDifferAndCarryTheirNumber(t *testing.T) {
	for _, size := range []int{8, 9, 200} {
		a, b := payload(size, 7), payload(size, 8)
		if len(a) != size || sequenceOf(a) != 7 || sequenceOf(b) != 8 || (size > 16 && bytes.Equal(a[16:], b[16:])) {
			t.Errorf("%d bytes: got %x and %x", size, a, b)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	server := func(Mode) (Server, error) { return Remote(nil), nil }
	good := Config{Mode: Drain, PayloadBytes: 200, Batch: 1, Concurrency: 1, Duration: time.Second, Rate: 1, Server: server}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		"mode":        func(c *Config) { c.Mode = "fast" },
		"payload":     func(c *Config) { c.PayloadBytes = 7 },
		"tasks":       func(c *Config) { c.Tasks = -1 },
		"batch":       func(c *Config) { c.Batch = 10_001 },
		"concurrency": func(c *Config) { c.Concurrency = 0 },
		"duration":    func(c *Config) { c.Duration = 0 },
		"rate":        func(c *Config) { c.Rate = 0 },
		"server":      func(c *Config) { c.Server = nil },
	} {
		bad := good
		change(&bad)
		if err := bad.validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := watch(ctx, func(context.Context) (uint64, error) {
		cancel()
		return 0, nil
	}, func(sample) bool { return false })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
