package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
)

// verifyLogFlags ask for the proof of a timeline.
type verifyLogFlags struct {
	log               bool
	cluster, timeline string
}

func (f *verifyLogFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.log, "log", false, "prove every moment behind BACKUP: replay the log at the destination too")
	flags.StringVar(&f.cluster, "cluster-id", "", "with --log: whose, where the destination has backups of more than one cluster")
	flags.StringVar(&f.timeline, "timeline", "", "with --log: of which timeline, 16 hexadecimal digits (default: BACKUP's, or the newest)")
}

func (f *verifyLogFlags) unused() error {
	if f.cluster != "" || f.timeline != "" {
		return usagef("--cluster-id and --timeline go with --log")
	}
	return nil
}

// verifiedLog is a log archive that was read.
type verifiedLog struct {
	render.Backup
	Sound   bool   `json:"sound"`
	Follows string `json:"follows,omitempty"`
}

func (v verifiedLog) table(t *render.Table, now time.Time) {
	t.Pair("sound", "yes: every entry of it decodes; --log proves what they lead to")
	follows := v.Follows
	if follows == "" {
		follows = "an archive that isn't at this destination"
	}
	t.Pair("follows", follows)
	v.Backup.Table(t, now)
}

// verifyLogArchive proves one archive of the log.
func (p *program) verifyLogArchive(cmd *cobra.Command, w *which, o *backups.Opened, out *output) error {
	keys, err := w.read.keys()
	if err != nil {
		return err
	}
	proved, err := logarchive.Verify(cmd.Context(), o.Bucket, o.Name, keys)
	if err != nil {
		return err
	}
	view := verifiedLog{Backup: viewOpened(o), Sound: true, Follows: proved.Before}
	return out.print(view, func(t *render.Table) { view.table(t, p.now()) })
}

// verifiedTimeline is a timeline that was replayed.
type verifiedTimeline struct {
	ClusterID   string            `json:"cluster_id"`
	Timeline    string            `json:"timeline"`
	Sound       bool              `json:"sound"`
	To          *logarchive.Point `json:"restorable_to,omitempty"`
	Replays     []replayView      `json:"replays"`
	TookSeconds float64           `json:"took_seconds"`
}

// replayView is a part of it, every moment of which can be restored.
type replayView struct {
	Backup        string            `json:"backup"`
	From          logarchive.Point  `json:"from"`
	To            *logarchive.Point `json:"to,omitempty"`
	Entries       uint64            `json:"entries"`
	FullBackups   int               `json:"full_backups"`
	ComparedIndex uint64            `json:"compared_index,omitempty"`
	StateHash     string            `json:"state_hash,omitempty"`
	LiveTasks     uint64            `json:"live_tasks"`
	Missing       uint64            `json:"missing,omitempty"`
	Problem       string            `json:"problem,omitempty"`
}

func newVerifiedTimeline(t *backups.Timeline, took time.Duration) verifiedTimeline {
	v := verifiedTimeline{ClusterID: t.ClusterID, Timeline: t.Name, Sound: t.Err() == nil, TookSeconds: took.Seconds()}
	if end, ok := t.End(); ok {
		v.To = &end
	}
	for _, r := range t.Replays {
		one := replayView{
			Backup: r.Full.Name, From: r.From, Entries: r.Entries, FullBackups: r.Fulls + 1, ComparedIndex: r.Compared, StateHash: r.Hash,
			LiveTasks: r.LiveTasks, Missing: r.Missing,
		}
		if r.To.Index > 0 {
			one.To = &r.To
		}
		if r.Problem != nil {
			one.Problem = oneLine(r.Problem.Error())
		}
		v.Replays = append(v.Replays, one)
	}
	return v
}

func (v verifiedTimeline) table(t *render.Table) {
	t.Pair("cluster", v.ClusterID)
	t.Pair("timeline", v.Timeline)
	for _, r := range v.Replays {
		if r.Missing > 0 {
			t.Pair("missing", fmt.Sprintf("%s, %d to %d: no moment there can be restored", render.Count(r.Missing, "entry"), r.From.Index-r.Missing+1, r.From.Index))
		}
		r.table(t)
	}
	if v.To == nil {
		t.Pair("sound", "NO: nothing of it can be restored")
		return
	}
	sound := "yes"
	if !v.Sound {
		sound = "NO"
	}
	t.Pair("sound", fmt.Sprintf("%s: a restore is possible up to %s, entry %d (proved in %s)", sound, v.To.Time.Format(time.RFC3339Nano), v.To.Index,
		render.Span(time.Duration(v.TookSeconds*float64(time.Second)))))
}

func (r replayView) table(t *render.Table) {
	if r.To != nil {
		compared := "no hash of the members' in it"
		if r.ComparedIndex > 0 {
			compared = fmt.Sprintf("hashes compared up to %d", r.ComparedIndex)
		}
		t.Pair("every moment", fmt.Sprintf("%s to %s: %s behind entry %d, %s, %s", r.From.Time.Format(time.RFC3339Nano), r.To.Time.Format(time.RFC3339Nano),
			render.Count(r.Entries, "entry"), r.From.Index, render.Count(r.FullBackups, "full backup"), compared))
	}
	if r.Problem != "" {
		t.Pair("problem", r.Problem)
	}
}

// verifyTimeline proves that every moment behind a full backup can be restored.
func (p *program) verifyTimeline(cmd *cobra.Command, w *which, f *verifyLogFlags, temp string, mark bool, args []string, out *output) error {
	if w.from == "" && len(args) == 1 {
		w.from, args = args[0], nil
	}
	if _, name, err := backups.Target(cmd.Context(), w.from); err == nil && name != "" {
		return usagef("%s is one archive: --log needs the destination, which has the log too", w.from)
	}
	b, keys, err := openFrom(cmd, w.from, &w.read)
	if err != nil {
		return err
	}
	o := backups.LogOptions{ClusterID: f.cluster, Timeline: f.timeline, Keys: keys, Dir: temp}
	if len(args) == 1 {
		from, err := w.find(cmd, args, keys)
		if err != nil {
			return err
		}
		m := from.Manifest()
		o.From = from.Name
		if err := from.Close(); err != nil {
			return err
		}
		if m.Kind != archive.Full {
			return usagef("%s is a part of the log: give with --log the full backup to begin with, or none", args[0])
		}
		if o.ClusterID == "" && o.Timeline == "" {
			o.ClusterID, o.Timeline = m.ClusterID, m.Timeline
		}
	}
	bytes, entries := phases{p: p, unit: "B"}, phases{p: p, unit: "entries"}
	defer bytes.stop()
	defer entries.stop()
	o.Unpacking = func(done, total int64) { bytes.show("reading the full backup", done, total) }
	o.Replaying = func(index, last uint64) { entries.show("replaying", int64(index), int64(last)) }
	start := time.Now()
	proved, err := backups.VerifyLog(cmd.Context(), b, o)
	if errors.Is(err, logarchive.ErrNotCovered) {
		return &exitError{code: exitNotFound, text: err.Error()}
	}
	if err != nil {
		return err
	}
	if mark && proved.Err() == nil {
		if err := backups.MarkLog(cmd.Context(), b, proved, p.now()); err != nil {
			fmt.Fprintf(p.stderr, "rowlock: the log is sound, but that can't be noted (--no-mark doesn't try): %s\n", oneLine(err.Error()))
		}
	}
	view := newVerifiedTimeline(proved, time.Since(start))
	if err := out.print(view, view.table); err != nil {
		return err
	}
	if err := proved.Err(); err != nil {
		return &exitError{code: exitFailed, text: oneLine(err.Error())}
	}
	return nil
}
