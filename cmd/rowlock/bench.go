package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/bench/load"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench [MODE]",
		Short: "Measure throughput, latency and memory",
		Long: `Measure throughput, latency and memory, with every write acknowledged and durable.

Each mode runs against a server of its own, which is started for it in a temporary directory (or within --data-dir), or
against the one at --addr, in queues of its own. Modes:

  enqueue          producers hand over batches
  enqueue-single   producers enqueue one task at a time
  drain            a worker works a backlog off
  lifecycle        producers of single tasks and a worker at the same time
  latency          from Enqueue to the handler, at a steady rate
  backlog          memory, restart and lease rate with a million tasks waiting (--tasks)
  fairness         the wait of a tenant's tasks while another has a million (--tasks) before the same worker
  all              all of these`,
		Example: `  rowlock bench lifecycle --duration 30s
  rowlock bench --mode backlog --tasks 1000000 -o json`,
		GroupID: groupOperate,
		Args:    args(0, 1),
	}
	out := p.outputFlag(cmd)
	var flags benchFlags
	flags.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			if cmd.Flags().Changed("mode") {
				return usagef("give the mode once: %q or --mode %s", args[0], flags.mode)
			}
			flags.mode = args[0]
		}
		config, err := flags.config()
		if err != nil {
			return err
		}
		bar := phases{p: p}
		config.Progress = bar.show
		config.Server = func(mode load.Mode) (load.Server, error) { return flags.server(cmd.Context(), mode) }
		report, err := load.Run(cmd.Context(), config)
		bar.stop()
		if err != nil {
			return err
		}
		return out.print(report, func(t *render.Table) { benchTable(t, report) })
	}
	return cmd
}

// benchFlags belong to one measurement: none of them is a setting, lest ROWLOCK_ADDR or ROWLOCK_DATA_DIR send the load
// where it does harm.
type benchFlags struct {
	load    load.Config
	mode    string
	addrs   []string
	dataDir string
	args    []string // of the started servers
}

func (b *benchFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&b.mode, "mode", string(load.All), "what to measure")
	flags.IntVar(&b.load.Tasks, "tasks", 0, "tasks to enqueue or drain (default: as many as fit in --duration; 300000 to drain; a million for backlog and fairness)")
	flags.IntVar(&b.load.PayloadBytes, "payload", 200, "bytes of each payload")
	flags.IntVar(&b.load.Producers, "producers", 0, "producers at the same time (default: 4 of batches, 64 of single tasks, 32 for lifecycle)")
	flags.IntVar(&b.load.Batch, "batch", 1000, "tasks that one call of a batched mode hands over")
	flags.IntVar(&b.load.Concurrency, "concurrency", 64, "handlers that run at once")
	flags.DurationVar(&b.load.Duration, "duration", 10*time.Second, "how long producers produce")
	flags.Float64Var(&b.load.Rate, "rate", 100, "tasks per second of the latency mode")
	flags.StringSliceVar(&b.addrs, "addr", nil, "measure this server instead of starting one")
	flags.StringVar(&b.dataDir, "data-dir", "", "put the data of the started servers into this directory (default: a temporary one)")
	flags.StringSliceVar(&b.args, "server-args", nil, "flags for the started servers, such as --gc-percent=50")
}

func (b *benchFlags) config() (load.Config, error) {
	b.load.Mode = load.Mode(b.mode)
	if len(b.addrs) > 0 && (b.dataDir != "" || len(b.args) > 0) {
		return b.load, usagef("--addr is a server that runs: --data-dir and --server-args are for one to start")
	}
	return b.load, nil
}

// server returns the server at --addr, or starts one.
func (b *benchFlags) server(ctx context.Context, mode load.Mode) (load.Server, error) {
	if len(b.addrs) > 0 {
		return load.Remote(b.addrs), nil
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dataDir, "rowlock-bench-"+string(mode)+"-")
	if err != nil {
		return nil, usagef("--data-dir: %s", err)
	}
	return load.StartNode(ctx, load.NodeConfig{Binary: binary, DataDir: dir, Args: b.args})
}

// benchTable shows what was measured to people.
func benchTable(t *render.Table, r *load.Report) {
	perSecond := func(name string, n float64) {
		if n > 0 {
			t.Pair(name, fmt.Sprintf("%.0f per second", n))
		}
	}
	size := func(name string, n uint64) {
		if n > 0 {
			t.Pair(name, render.Size(n))
		}
	}
	perSecond("enqueued, batched", r.EnqueuePerS)
	perSecond("enqueued, single", r.EnqueueSinglePerS)
	perSecond("drained", r.DrainPerS)
	perSecond("lifecycles", r.LifecyclePerS)
	if l := r.PickupMs; l != nil {
		t.Pair("pick-up", fmt.Sprintf("p50 %.2f ms, p99 %.2f ms, max %.2f ms", l.P50, l.P99, l.Max))
	}
	if b := r.Backlog; b != nil {
		t.Pair("pending", fmt.Sprint(b.Pending))
		size("  anonymous memory", b.RSSAnonBytes)
		size("  file memory", b.RSSFileBytes)
		t.Pair("  restart", fmt.Sprintf("%.2f s", b.RestartSeconds))
		perSecond(fmt.Sprintf("  lifecycles at %d pending", b.FewPending), b.FewPerS)
		perSecond(fmt.Sprintf("  lifecycles at %d pending", b.Pending), b.ManyPerS)
	}
	if f := r.Fairness; f != nil {
		t.Pair("pick-up behind another tenant's tasks", fmt.Sprintf("p50 %.2f ms, p99 %.2f ms, max %.2f ms, with %d to %d waiting", f.PickupMs.P50, f.PickupMs.P99, f.PickupMs.Max, f.Backlog, f.BacklogLeft))
	}
	size("server memory", r.ServerRSSBytes)
	size("  anonymous", r.ServerRSSAnonBytes)
	size("data on disk", r.DataBytes)
}
