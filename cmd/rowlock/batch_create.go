package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) batchCreateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Begin a batch and print its ID",
		Long: `Begin a batch and print its ID.

A callback is a task: QUEUE or QUEUE/KIND; or a JSON object with the fields of 'rowlock enqueue --from-file', such as
'{"queue":"ops","kind":"report","payload":{"to":"ada"}}'; or @FILE with such an object. Its payload may have up to 16 KiB. It is
enqueued once, by the servers, and tried again while its queue doesn't take it. Its worker finds the batch's ID in ROWLOCK_BATCH_ID.

A batch that is left open is closed by itself when no task of it waits or runs and none was added for --idle-timeout: on-complete
comes then, on-success doesn't.`,
		Example: `  rowlock batch create nightly --on-success ops/report --on-death ops/alert
  rowlock batch create --on-complete '{"queue":"ops","kind":"clean-up","payload":{"dir":"/tmp/x"}}'`,
		Args: args(0, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	callbacks := map[string]*string{}
	for flag, when := range map[string]string{
		"on-success":  "task to enqueue when the batch is closed and all its tasks have completed",
		"on-death":    "task to enqueue at the first dead letter, also before the batch is closed",
		"on-complete": "task to enqueue when the batch is closed and all its tasks have ended, however",
	} {
		callbacks[flag] = cmd.Flags().String(flag, "", when)
	}
	idle := cmd.Flags().Duration("idle-timeout", 0, "close it by itself after so long without tasks that wait or run, 1s to 8784h (default: 168h)")
	id := cmd.Flags().String("request-id", "", "names the call: one with the same ID within 24 h is executed once (default: a random one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("idle-timeout") && (*idle < time.Second || *idle > maxBatchIdle) {
			return usagef("--idle-timeout %s: want 1s to %s (366 days)", *idle, maxBatchIdle)
		}
		request := &rowlockv1.CreateBatchRequest{RequestId: *id, IdleTimeoutSeconds: idle.Seconds()}
		if *id == "" {
			request.RequestId = requestID()
		}
		if len(args) > 0 {
			request.Name = args[0]
		}
		for flag, to := range map[string]**rowlockv1.NewTask{
			"on-success": &request.OnSuccess, "on-death": &request.OnDeath, "on-complete": &request.OnComplete,
		} {
			if !cmd.Flags().Changed(flag) {
				continue
			}
			task, err := callback(*callbacks[flag])
			if err != nil {
				return usagef("--%s: %s", flag, err)
			}
			*to = task
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.batches.CreateBatch(ctx, request)
			if err != nil {
				return err
			}
			if out.people() {
				_, err := fmt.Fprintln(p.stdout, answer.GetBatch().GetId())
				return err
			}
			return out.print(render.NewBatch(answer.GetBatch()), nil)
		})
	}
	return cmd
}

// maxBatchIdle is what the servers take.
const maxBatchIdle = 366 * 24 * time.Hour

// maxCallbackFile is far above what the servers take.
const maxCallbackFile = 1 << 20

// callback reads the task of a flag: QUEUE[/KIND], a JSON object, or @file with one.
func callback(text string) (*rowlockv1.NewTask, error) {
	if path, ok := strings.CutPrefix(text, "@"); ok {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		content, err := io.ReadAll(io.LimitReader(file, maxCallbackFile))
		if err != nil {
			return nil, err
		}
		text = strings.TrimSpace(string(content))
		if !strings.HasPrefix(text, "{") {
			return nil, fmt.Errorf("%s holds no JSON object", path)
		}
	}
	if strings.HasPrefix(text, "{") {
		return taskfile.Parse([]byte(text))
	}
	queue, kind, _ := strings.Cut(text, "/")
	task := &rowlockv1.NewTask{Queue: queue, Kind: kind}
	return task, taskfile.Check(task)
}
