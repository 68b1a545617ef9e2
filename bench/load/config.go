package load

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Mode is what is measured.
type Mode string

// The modes.
const (
	// Enqueue: producers hand over batches.
	Enqueue Mode = "enqueue"
	// EnqueueSingle: producers call Enqueue with one task at a time.
	EnqueueSingle Mode = "enqueue-single"
	// Drain: a worker works a backlog off.
	Drain Mode = "drain"
	// Lifecycle: producers of single tasks and a worker at the same time.
	Lifecycle Mode = "lifecycle"
	// Latency: the time from Enqueue to the handler at a low, steady rate.
	Latency Mode = "latency"
	// Backlog: memory, restart and lease rate with many tasks waiting.
	Backlog Mode = "backlog"
	// Fairness: the wait of a tenant's tasks behind another's many.
	Fairness Mode = "fairness"
	// All: each of the above on a server of its own.
	All Mode = "all"
)

// Modes are all modes, in the order in which All runs them.
func Modes() []Mode {
	return []Mode{Enqueue, EnqueueSingle, Drain, Lifecycle, Latency, Backlog, Fairness, All}
}

// Config says what to measure, and how hard to press.
type Config struct {
	Mode Mode `json:"mode"`
	// Tasks to enqueue or to drain; 0: the mode's default, which for modes that produce is as many as fit in Duration.
	Tasks int `json:"tasks,omitempty"`
	// PayloadBytes of each task; at least 8.
	PayloadBytes int `json:"payload_bytes"`
	// Producers at the same time; 0: the mode's default.
	Producers int `json:"producers,omitempty"`
	// Batch is how many tasks a call of the batched modes hands over.
	Batch int `json:"batch"`
	// Concurrency is how many handlers the worker runs at once.
	Concurrency int `json:"concurrency"`
	// Duration of the modes that produce.
	Duration time.Duration `json:"-"`
	// Rate of the latency mode, in tasks per second.
	Rate float64 `json:"rate"`

	// Server makes the server of one mode.
	Server func(mode Mode) (Server, error) `json:"-"`
	// Progress is told how far a phase is; total 0 is not known.
	Progress func(phase string, done, total int64) `json:"-"`
	Logger   *slog.Logger                          `json:"-"`
}

// ErrConfig is returned for a Config that can't be run.
var ErrConfig = errors.New("can't measure that")

// validate fills in defaults, or says what is wrong.
func (c *Config) validate() error {
	var names []string
	for _, mode := range Modes() {
		names = append(names, string(mode))
	}
	switch {
	case !slices.Contains(Modes(), c.Mode):
		return fmt.Errorf("%w: mode %q: want %s", ErrConfig, c.Mode, strings.Join(names, ", "))
	case c.PayloadBytes < sequenceBytes || c.PayloadBytes > 256<<10:
		return fmt.Errorf("%w: payload of %d bytes: want %d to %d", ErrConfig, c.PayloadBytes, sequenceBytes, 256<<10)
	case c.Tasks < 0, c.Producers < 0:
		return fmt.Errorf("%w: tasks and producers: want 0 or more", ErrConfig)
	case c.Batch < 1 || c.Batch > 10_000:
		return fmt.Errorf("%w: batch of %d: want 1 to 10000", ErrConfig, c.Batch)
	case c.Concurrency < 1:
		return fmt.Errorf("%w: concurrency of %d: want at least 1", ErrConfig, c.Concurrency)
	case c.Duration < time.Second:
		return fmt.Errorf("%w: duration of %s: want at least 1s", ErrConfig, c.Duration)
	case c.Rate <= 0 || c.Rate > 100_000:
		return fmt.Errorf("%w: rate of %g tasks per second: want more than 0 and at most 100000", ErrConfig, c.Rate)
	case c.Server == nil:
		return fmt.Errorf("%w: no server is given", ErrConfig)
	}
	if c.Progress == nil {
		c.Progress = func(string, int64, int64) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// or returns the first of two numbers that isn't 0.
func or(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
