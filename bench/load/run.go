package load

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/rowlock/rowlock/client"
)

// ErrNotOurs is returned by a Server's Restart where the server was there before.
var ErrNotOurs = errors.New("the server wasn't started by this program")

// Run measures and returns the report. Each mode has a server of its own where the configuration makes one.
func Run(ctx context.Context, config Config) (*Report, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	report := &Report{Settings: Settings{Config: config, DurationSeconds: config.Duration.Seconds()}, Machine: ThisMachine()}
	modes := []Mode{config.Mode}
	if config.Mode == All {
		modes = Modes()[:len(Modes())-1]
	}
	for _, mode := range modes {
		if err := runMode(ctx, config, mode, report); err != nil {
			return report, fmt.Errorf("%s: %w", mode, err)
		}
	}
	return report, nil
}

// bench is one mode at work.
type bench struct {
	Config
	server Server
	client *client.Client
	queue  string
	report *Report
}

func runMode(ctx context.Context, config Config, mode Mode, report *Report) (err error) {
	server, err := config.Server(mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	c, err := client.New(client.Config{Addrs: server.Addrs(), Name: "rowlock-bench", Logger: config.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	b := &bench{
		Config: config, server: server, client: c, report: report,
		// A name of its own: the server may be one that has other queues.
		queue: "bench-" + string(mode) + "-" + strings.ToLower(rand.Text()[:8]),
	}
	b.Mode = mode
	run := map[Mode]func(context.Context) error{
		Enqueue: b.enqueue, EnqueueSingle: b.enqueueSingle, Drain: b.drain, Lifecycle: b.lifecycle, Latency: b.latency, Backlog: b.backlog,
		Fairness: b.fairness,
	}[mode]
	if err := run(ctx); err != nil {
		return err
	}
	b.weigh()
	if _, ok := server.Memory(); !ok { // not ours: leave nothing behind
		_, err = c.Queues().Purge(ctx, b.queue)
	}
	return err
}

// weigh keeps the largest figures that the server's process and directory have shown.
func (b *bench) weigh() {
	if m, ok := b.server.Memory(); ok && m.RSS > b.report.ServerRSSBytes {
		b.report.ServerRSSBytes, b.report.ServerRSSAnonBytes, b.report.ServerRSSFileBytes = m.RSS, m.Anon, m.File
	}
	b.report.DataBytes = max(b.report.DataBytes, b.server.DataBytes())
}
