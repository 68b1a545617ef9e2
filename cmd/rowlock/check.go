package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// checked is what a check of one member found.
type checked struct {
	Member     string         `json:"member,omitempty"`
	Index      uint64         `json:"index"`
	Hash       string         `json:"hash"`
	LiveTasks  uint64         `json:"live_tasks"`
	Records    uint64         `json:"records"`
	LogEntries uint64         `json:"log_entries"`
	Total      int            `json:"total"`
	Findings   []checkFinding `json:"findings"`

	hashes map[uint64]string // that it took lately, by index
}

// checkFinding is something that is wrong, with what to do about it.
type checkFinding struct {
	File  string   `json:"file"`
	Part  string   `json:"part"`
	Tasks []string `json:"tasks,omitempty"`
	Text  string   `json:"text"`
	Mend  string   `json:"mend"`
}

// What to do about a finding.
const (
	mendMember = "stop this member and rebuild it from the others: rowlock cluster rebuild --data-dir DIR"
	mendLast   = "rebuild this member from the others: rowlock cluster rebuild --data-dir %[1]s; only if there are none and no backup: " +
		"rowlock check --repair --data-dir %[1]s"
	mendTasks = "single tasks are damaged, and refused when they are asked for; the others have them: rowlock cluster rebuild --data-dir DIR"
)

func (p *program) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify every page, checksum, index and invariant of the members' states, and that they are the same",
		Long: `Verify every page, checksum, index and invariant of the members' states, and that they are the same.

Each member copies its state file and checks the copy while it goes on working; --member checks one only. With --data-dir it
checks the files of a stopped member, and changes none.

With --repair, a stopped member whose data is the last copy gets back what can be got: indexes and counts are made anew, and
what can't be read goes to DIR/quarantine with a report. It becomes a group of its own, as by 'rowlock cluster recover'.
While other members are alive, use 'rowlock cluster rebuild' instead; where there is a backup, compare what that would lose.

It ends with 1 if anything is wrong.`,
		Example: `  rowlock check
  rowlock check --data-dir /var/lib/rowlock`,
		GroupID: groupOperate,
		Args:    args(0, 0),
	}
	var members memberChoice
	var dataDir string
	var fix repairFlags
	flags := cmd.Flags()
	flags.StringVar(&members.member, "member", "", "check this member only, by its node ID")
	flags.StringVar(&dataDir, "data-dir", "", "check the files of a stopped member")
	fix.add(flags)
	connect, out := p.clientFlags(flags), p.outputFlag(cmd)
	log, confirm := p.logFlags(cmd), p.yesFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case fix.repair && dataDir == "":
			return usagef("--repair is for a stopped member: say with --data-dir whose data to repair")
		case dataDir != "" && members.member != "":
			return usagef("--data-dir is for a stopped member: leave --member out")
		case fix.repair:
			return p.repair(cmd.Context(), dataDir, &fix, log, out, confirm)
		case dataDir != "":
			r, err := p.checkStopped(cmd.Context(), dataDir)
			if err != nil {
				return err
			}
			return p.printChecks(out, []*checked{r})
		}
		members.all = members.member == ""
		var all []*checked
		err := connect.run(cmd, func(ctx context.Context, c *connection) error {
			return members.each(ctx, connect, c, func(ctx context.Context, id string, s rowlockv1.MaintenanceServiceClient) error {
				r, err := p.checkMember(ctx, id, s)
				if err == nil {
					all = append(all, r)
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		compareHashes(all)
		return p.printChecks(out, all)
	}
	return cmd
}

// checkMember has a member check itself.
func (p *program) checkMember(ctx context.Context, id string, s rowlockv1.MaintenanceServiceClient) (*checked, error) {
	stream, err := s.CheckMember(ctx, &rowlockv1.CheckMemberRequest{Member: id})
	if err != nil {
		return nil, err
	}
	show := phases{p: p}
	defer show.stop()
	r := &checked{Member: id, Findings: []checkFinding{}, hashes: map[uint64]string{}}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, &exitError{code: exitUnavailable, text: "the check ended without a result: repeat it"}
		}
		if err != nil {
			return nil, err
		}
		if f := m.GetFinding(); f != nil {
			mend := mendTasks
			if f.GetGrave() {
				mend = mendMember
			}
			r.Findings = append(r.Findings, checkFinding{File: f.GetFile(), Part: f.GetPart(), Tasks: f.GetTaskIds(), Text: f.GetText(), Mend: mend})
		}
		if sum := m.GetSummary(); sum != nil {
			r.Member, r.Index, r.Hash, r.LiveTasks = sum.GetMember(), sum.GetIndex(), sum.GetHash(), sum.GetLiveTasks()
			r.Records, r.LogEntries, r.Total = sum.GetRecords(), sum.GetLogEntries(), int(sum.GetFindings())
			for _, h := range sum.GetHashes() {
				r.hashes[h.GetIndex()] = h.GetHash()
			}
			return r, nil
		}
		show.show(strings.TrimSpace("checking "+id)+": "+m.GetPhase(), 0, 0)
	}
}

// compareHashes holds the members' hashes against each other where they have taken them after the same entry.
func compareHashes(all []*checked) {
	for i, a := range all {
		for _, b := range all[:i] {
			for index, hash := range a.hashes {
				if other, ok := b.hashes[index]; ok && other != hash {
					a.Total++
					a.Findings = append(a.Findings, checkFinding{
						File: "memory", Part: "state hash",
						Text: fmt.Sprintf("after entry %d this member's state has the hash %s, and %s's has %s", index, hash, b.Member, other),
						Mend: "see with a third member which one is right, and rebuild the other: rowlock cluster rebuild --data-dir DIR",
					})
					break
				}
			}
		}
	}
}

// printChecks prints what was found, and fails if anything was.
func (p *program) printChecks(out *output, all []*checked) error {
	total, first := 0, ""
	for _, r := range all {
		total += r.Total
		if first == "" && len(r.Findings) > 0 {
			first = r.Findings[0].Mend
		}
	}
	err := out.print(all, func(t *render.Table) {
		t.Head("member", "tasks", "records", "log entries", "index", "hash", "findings")
		for _, r := range all {
			t.Row(r.Member, r.LiveTasks, r.Records, r.LogEntries, r.Index, r.Hash, r.Total)
		}
	})
	if err != nil || total == 0 {
		return err
	}
	if out.people() {
		for _, r := range all {
			for _, f := range r.Findings {
				fmt.Fprintf(p.stdout, "%s\n", strings.TrimPrefix(r.Member+" ", " ")+f.File+": "+f.Part+": "+oneLine(f.Text))
			}
			if n := r.Total - len(r.Findings); n > 0 {
				fmt.Fprintf(p.stdout, "and %d more\n", n)
			}
		}
	}
	return &exitError{code: exitFailed, text: fmt.Sprintf("%s: %s", render.Count(total, "finding"), first)}
}
