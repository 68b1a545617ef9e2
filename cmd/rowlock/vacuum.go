package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store"
)

// vacuumed is what a vacuum did to a file.
type vacuumed struct {
	Member string  `json:"member,omitempty"`
	File   string  `json:"file"`
	Before int64   `json:"before_bytes"`
	After  int64   `json:"after_bytes"`
	HeldMS float64 `json:"held_ms"`
}

// vacuumFlags say what to vacuum, and how.
type vacuumFlags struct {
	members    memberChoice
	state, log bool
	rate       byteSize
	dataDir    string
}

func (v *vacuumFlags) files() []string {
	switch {
	case v.state == v.log:
		return []string{"state", "log"}
	case v.state:
		return []string{"state"}
	}
	return []string{"log"}
}

func (p *program) vacuumCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "vacuum",
		Short: "Give the free pages of a member's files back to the file system",
		Long: `Give the free pages of a member's files back to the file system.

A member copies its state file and its log without their free pages and puts the copies in their places, while it goes on
working; writes wait for some milliseconds at the end. It needs room for the copy. Without --member or --all it is the member
at --addr. A member does so by itself when half of a file is free (see 'rowlock server --help', --vacuum-free).

With --data-dir it does the same to a stopped member.`,
		Example: `  rowlock vacuum --all
  rowlock vacuum --member rowlock-1 --state --rate 8MiB
  rowlock vacuum --data-dir /var/lib/rowlock`,
		GroupID: groupOperate,
		Args:    args(0, 0),
	}
	var v vacuumFlags
	flags := cmd.Flags()
	v.members.add(cmd, "vacuum")
	flags.BoolVar(&v.state, "state", false, "only the state file")
	flags.BoolVar(&v.log, "log", false, "only the log")
	flags.Var(&v.rate, "rate", "copy at most so many bytes in a second (default: 32MiB)")
	flags.StringVar(&v.dataDir, "data-dir", "", "data directory of a stopped member")
	connect, out := p.clientFlags(flags), p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := v.members.check(); err != nil {
			return err
		}
		var done []vacuumed
		note := func(d vacuumed) { done = append(done, d) }
		err := p.vacuum(cmd, &v, connect, note)
		if len(done) == 0 && err != nil {
			return err
		}
		if err := out.print(done, func(t *render.Table) {
			t.Head("member", "file", "before", "after", "held")
			for _, d := range done {
				t.Row(d.Member, d.File, mebibytes(d.Before), mebibytes(d.After), fmt.Sprintf("%.1f ms", d.HeldMS))
			}
		}); err != nil {
			return err
		}
		return err
	}
	return cmd
}

// mebibytes shows a file's size.
func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// vacuum runs the vacuums, and tells of each that is done.
func (p *program) vacuum(cmd *cobra.Command, v *vacuumFlags, connect *clientFlags, note func(vacuumed)) error {
	if v.dataDir != "" {
		if v.members.all || v.members.member != "" {
			return usagef("--data-dir is for a stopped member: leave --member and --all out")
		}
		return p.vacuumStopped(cmd.Context(), v, note)
	}
	return connect.run(cmd, func(ctx context.Context, c *connection) error {
		return v.members.each(ctx, connect, c, func(ctx context.Context, id string, s rowlockv1.MaintenanceServiceClient) error {
			return p.vacuumMember(ctx, v, id, s, note)
		})
	})
}

// vacuumMember vacuums a running member.
func (p *program) vacuumMember(ctx context.Context, v *vacuumFlags, id string, s rowlockv1.MaintenanceServiceClient, note func(vacuumed)) error {
	stream, err := s.VacuumMember(ctx, &rowlockv1.VacuumMemberRequest{Member: id, Files: v.files(), BytesPerSecond: int64(v.rate)})
	if err != nil {
		return err
	}
	show := phases{p: p, unit: "B"}
	defer show.stop()
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.GetDone() {
			if id == "" { // whichever answered
				id = m.GetMember()
			}
			note(vacuumed{
				Member: id, File: m.GetFile(), Before: m.GetBeforeBytes(), After: m.GetAfterBytes(), HeldMS: m.GetHeldSeconds() * 1000,
			})
			continue
		}
		show.show(m.GetFile()+" "+id, m.GetCopiedBytes(), m.GetTotalBytes())
	}
}

// vacuumStopped vacuums the files of a stopped member.
func (p *program) vacuumStopped(ctx context.Context, v *vacuumFlags, note func(vacuumed)) (err error) {
	files, err := p.openStopped(v.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.close()) }()
	show := phases{p: p, unit: "B"}
	defer show.stop()
	for _, file := range v.files() {
		run := files.state.Vacuum
		if file == "log" {
			run = files.log.Vacuum
		}
		rate := int64(v.rate)
		if rate == 0 {
			rate = 1 << 40 // nobody else is at work
		}
		r, err := run(ctx, store.VacuumOptions{BytesPerSecond: rate, MinFree: 1, Progress: func(at store.VacuumProgress) {
			show.show(file, at.Copied, at.Total)
		}})
		if err != nil {
			return serveError(&serveFlags{dataDir: v.dataDir}, err)
		}
		note(vacuumed{File: file, Before: r.Before, After: r.After, HeldMS: float64(r.Held) / float64(time.Millisecond)})
	}
	return nil
}
