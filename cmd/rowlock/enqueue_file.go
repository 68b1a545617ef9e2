package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// enqueueFile sends a file of tasks in batches. All of it is checked before any of it is sent.
func (p *program) enqueueFile(cmd *cobra.Command, connect *clientFlags, out *output, call *enqueueCall, queue string) (err error) {
	if err := onlyFileFlags(cmd); err != nil {
		return err
	}
	file, err := taskfile.Open(call.fromFile, p.stdin, queue)
	if err != nil {
		return usagef("--from-file: %s", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	total, err := file.Check()
	if err != nil {
		return usagef("%s: %s; nothing was enqueued", call.fromFile, err)
	}
	return connect.run(cmd, func(ctx context.Context, c *connection) error {
		sender := &fileSender{p: p, call: call, tasks: c.tasks, total: total, bar: p.progress(int64(total), "enqueued", "tasks")}
		sender.out = list(out, sender.table)
		err := file.Batches(func(b taskfile.Batch) error { return sender.send(ctx, b) })
		sender.bar.stop()
		if closing := sender.out.Close("No tasks."); err == nil {
			err = closing
		}
		return sender.outcome(err)
	})
}

// onlyFileFlags refuses flags that describe one task.
func onlyFileFlags(cmd *cobra.Command) error {
	one := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(taskFlags).add(one)
	var problem error
	one.VisitAll(func(flag *pflag.Flag) {
		if cmd.Flags().Changed(flag.Name) {
			problem = usagef("--%s describes one task: with --from-file it belongs into the lines", flag.Name)
		}
	})
	return problem
}

// fileSender sends batches and keeps count.
type fileSender struct {
	p     *program
	call  *enqueueCall
	tasks rowlockv1.TaskServiceClient
	out   *render.List[fileResult]
	bar   *progress
	total int

	batches  int
	accepted int
	refused  int
	first    error // why the first refused task was refused
}

// fileResult is what became of one line.
type fileResult struct {
	Line int `json:"line"`
	render.Enqueued
	Error *render.Status `json:"error,omitempty"`
}

// send sends one batch under a request ID of its own, which is the same when the file is sent again.
func (s *fileSender) send(ctx context.Context, b taskfile.Batch) error {
	answer, err := s.tasks.Enqueue(ctx, &rowlockv1.EnqueueRequest{Tasks: b.Tasks, RequestId: fmt.Sprintf("%s/%d", s.call.requestID, s.batches)})
	if err != nil {
		return err
	}
	s.batches++
	page := make([]fileResult, len(answer.GetResults()))
	for i, result := range answer.GetResults() {
		page[i] = fileResult{
			Line: b.Lines[i], Error: render.NewStatus(result.GetError()),
			Enqueued: render.Enqueued{TaskID: result.GetTaskId(), Existing: result.GetExisting()},
		}
		if page[i].Error == nil {
			s.accepted++
			continue
		}
		s.refused++
		if s.first == nil {
			s.first = &exitError{code: exitCode(result.GetError().GetCode()), text: fmt.Sprintf("line %d: %s", b.Lines[i], refusal(result))}
		}
	}
	s.bar.add(len(page))
	return s.out.Page(page)
}

// table prints the IDs of the accepted tasks, one a line, for people and pipes.
func (s *fileSender) table(t *render.Table, page []fileResult) {
	for _, result := range page {
		if result.Error == nil {
			t.Row(result.TaskID)
		}
	}
}

// outcome says what happened, and how to go on after an error.
func (s *fileSender) outcome(err error) error {
	if err != nil {
		code, text := explain(context.Background(), err)
		return &exitError{code: code, text: fmt.Sprintf("%s; %d of %s are known to be enqueued; the same command with --request-id %s goes on and enqueues nothing twice",
			text, s.accepted, render.Count(s.total, "task"), s.call.requestID)}
	}
	fmt.Fprintf(s.p.stderr, "Enqueued %d of %s.\n", s.accepted, render.Count(s.total, "task"))
	if s.first != nil {
		code, text := explain(context.Background(), s.first)
		return &exitError{code: code, text: fmt.Sprintf("%s refused, the first in %s", render.Count(s.refused, "task"), text)}
	}
	return nil
}
