package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	defaultConcurrency = 16
	maxWeight          = 1_000
	defaultGrace       = 20 * time.Second
)

// Config says what a Worker does.
type Config struct {
	// Queues are served in proportion to their weights, 1 to 1,000; {"default": 1} where empty.
	Queues map[string]int
	// Concurrency is how many handlers run at once, 1 to 4,096; 16 where zero.
	Concurrency int
	// Name is the worker_id that operators see; host name and process ID where empty.
	Name string
	// Pool and Labels are shown to operators.
	Pool   string
	Labels map[string]string
	// Prefetch is how many tasks to hold beyond those that are running; nil: chosen by how fast the handlers are, 0 for
	// slow ones, so that no task waits here for long while it could run elsewhere. With Concurrency at most 4,096.
	Prefetch *int
	// GracePeriod is how long running handlers may go on when the Worker stops; 20 s where zero, negative: not at all.
	GracePeriod time.Duration
	// Logger is told about lost connections and leases, tasks that failed, and outcomes that were refused; nil: nobody is.
	Logger *slog.Logger
}

// withDefaults returns the configuration with everything set, or says what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if len(c.Queues) == 0 {
		c.Queues = map[string]int{client.DefaultQueue: 1}
	}
	for name, weight := range c.Queues {
		if name == "" {
			return c, errors.New("worker: a queue has no name")
		}
		if weight < 1 || weight > maxWeight {
			return c, fmt.Errorf("worker: queue %q has weight %d, want 1 to %d", name, weight, maxWeight)
		}
	}
	if c.Concurrency == 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.Concurrency < 0 || c.Concurrency > maxHeld {
		return c, fmt.Errorf("worker: concurrency is %d, want 1 to %d", c.Concurrency, maxHeld)
	}
	if c.Prefetch != nil && (*c.Prefetch < 0 || *c.Prefetch > maxHeld-c.Concurrency) {
		return c, fmt.Errorf("worker: prefetch is %d, want 0 to %d", *c.Prefetch, maxHeld-c.Concurrency)
	}
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "worker"
		}
		c.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if c.GracePeriod == 0 {
		c.GracePeriod = defaultGrace
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("worker", c.Name)
	return c, nil
}

// info is what the worker says of itself.
func (c Config) info(kinds []string) *rowlockv1.WorkerInfo {
	info := &rowlockv1.WorkerInfo{WorkerId: c.Name, Kinds: kinds, Pool: c.Pool, Labels: c.Labels}
	for _, name := range sortedKeys(c.Queues) {
		info.Queues = append(info.Queues, &rowlockv1.QueueWeight{Queue: name, Weight: uint32(c.Queues[name])})
	}
	return info
}
