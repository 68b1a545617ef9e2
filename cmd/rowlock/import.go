package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/proto"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// importBatchBytes bounds one call: the API takes 4 MiB.
const importBatchBytes = 3 << 20

// The choices of --on-conflict.
const (
	conflictSkip    = "skip"
	conflictReplace = "replace"
	conflictFail    = "fail"
)

// importer puts the tasks of a source back.
type importer struct {
	p       *program
	confirm *confirmation
	source  func(fn func(line int, t *rowlockv1.Task) error) error // can be read again
	total   int

	onConflict  string
	rerun       bool
	dryRun      bool
	labelOrigin bool
	requestID   string

	out    *render.List[importResult]
	people bool // the output is for people
	bar    *progress
	calls  int
	known  map[string]bool // IDs that a dry run would have imported
	counts importCounts
}

// importCounts is what became of the tasks.
type importCounts struct {
	imported int
	parted   int            // of these, those that were of a workflow, batch or schedule
	skipped  map[string]int // by reason: conflicts, and what had finished
	refused  map[string]int // by reason
	first    *exitError     // why the first was refused
}

// importResult is what became of one line.
type importResult struct {
	Line     int    `json:"line,omitempty"`
	ID       string `json:"id"`
	State    string `json:"state,omitempty"`
	HolderID string `json:"holder_id,omitempty"`
	importOrigin
	Reason string         `json:"reason,omitempty"`
	Error  *render.Status `json:"error,omitempty"`
}

func (i *importer) add(flags *pflag.FlagSet) {
	flags.StringVar(&i.onConflict, "on-conflict", conflictSkip, "what to do with a task whose ID or unique key is taken: skip, replace or fail")
	flags.BoolVar(&i.rerun, "rerun", false, "import completed and cancelled tasks too: they run again")
	flags.BoolVar(&i.labelOrigin, "label-origin", false,
		"label tasks with the workflow, batch or schedule that they were of: "+labelOriginWorkflow+", "+labelOriginBatch+", "+labelOriginSchedule)
	flags.BoolVar(&i.dryRun, "dry-run", false, "say what would become of each task if it were alone, and change nothing")
	flags.StringVar(&i.requestID, "request-id", "", "names the import: one with the same ID within 24 h gets the same answers (default: a random one)")
}

func (i *importer) check() error {
	switch i.onConflict {
	case conflictSkip, conflictReplace, conflictFail:
	default:
		return usagef("--on-conflict %q: want skip, replace or fail", i.onConflict)
	}
	if len(i.requestID) > requestIDMax {
		return usagef("--request-id of %d bytes: want at most %d", len(i.requestID), requestIDMax)
	}
	if i.requestID == "" {
		i.requestID = requestID()
	}
	return nil
}

// run imports the tasks, and says what became of them.
func (i *importer) run(ctx context.Context, tasks rowlockv1.TaskServiceClient, out *output) error {
	if i.total == 0 {
		return list(out, i.table).Close("No tasks.")
	}
	if !i.dryRun {
		what := "import " + render.Count(i.total, "task")
		if i.onConflict == conflictReplace {
			what += " and replace those that are there"
		}
		if err := i.confirm.ask(i.onConflict == conflictReplace, "%s", what); err != nil {
			return err
		}
	}
	if i.onConflict == conflictFail && !i.dryRun {
		if err := i.noConflict(ctx, tasks, out); err != nil {
			return err
		}
	}
	err := i.pass(ctx, tasks, out, i.dryRun)
	return i.outcome(ctx, err)
}

// noConflict goes through all tasks first, and refuses the import if one of them wouldn't come back.
func (i *importer) noConflict(ctx context.Context, tasks rowlockv1.TaskServiceClient, out *output) error {
	var said bytes.Buffer
	trial, quiet, shadow := *i, *i.p, *out
	quiet.stdout, shadow.p = &said, &quiet
	if err := trial.pass(ctx, tasks, &shadow, true); err != nil {
		return err
	}
	if n := trial.counts.left(); n > 0 {
		if _, err := said.WriteTo(i.p.stdout); err != nil {
			return err
		}
		return &exitError{code: exitRefused, text: fmt.Sprintf("%d of %s can't be imported (%s); nothing was imported, as --on-conflict fail wants it",
			n, render.Count(i.total, "task"), trial.counts.reasons())}
	}
	return nil
}

// pass sends all tasks, in batches of a bounded size.
func (i *importer) pass(ctx context.Context, tasks rowlockv1.TaskServiceClient, out *output, dry bool) error {
	i.known = map[string]bool{}
	i.counts = importCounts{skipped: map[string]int{}, refused: map[string]int{}}
	i.bar = i.p.progress(int64(i.total), "imported", "tasks")
	i.out, i.people = list(out, i.table), out.people()
	defer i.bar.stop()
	b := importBatch{}
	err := i.source(func(line int, t *rowlockv1.Task) error {
		if i.labelOrigin {
			originOf(t).label(t)
		}
		if size := proto.Size(t) + 8; len(b.tasks) == idsPerCall || len(b.tasks) > 0 && b.bytes+size > importBatchBytes {
			if err := i.send(ctx, tasks, &b, dry); err != nil {
				return err
			}
		}
		b.add(line, t)
		return nil
	})
	if err == nil && len(b.tasks) > 0 {
		err = i.send(ctx, tasks, &b, dry)
	}
	if closing := i.out.Close(""); err == nil {
		err = closing
	}
	return err
}

type importBatch struct {
	lines []int
	tasks []*rowlockv1.Task
	bytes int
}

func (b *importBatch) add(line int, t *rowlockv1.Task) {
	b.lines, b.tasks, b.bytes = append(b.lines, line), append(b.tasks, t), b.bytes+proto.Size(t)+8
}

// send sends one batch, and empties it.
func (i *importer) send(ctx context.Context, tasks rowlockv1.TaskServiceClient, b *importBatch, dry bool) error {
	req := &rowlockv1.ImportTasksRequest{Tasks: b.tasks, Rerun: i.rerun, DryRun: dry}
	if !dry {
		req.RequestId = fmt.Sprintf("%s/%d", i.requestID, i.calls)
	}
	if i.onConflict == conflictReplace {
		req.OnConflict = rowlockv1.ImportTasksRequest_replace
	}
	answer, err := tasks.ImportTasks(ctx, req)
	if err != nil {
		return err
	}
	i.calls++
	var page []importResult
	for k, r := range answer.GetResults() {
		if dry {
			i.expect(r)
		}
		one := importResult{Line: b.lines[k], ID: r.GetId(), HolderID: r.GetHolderId(), Reason: r.GetError().GetReason(), Error: render.NewStatus(r.GetError()), importOrigin: originOf(b.tasks[k])}
		if r.GetState() != rowlockv1.Task_unspecified {
			one.State = r.GetState().String()
		}
		i.counts.add(one.Line, r.GetError())
		if one.Error == nil && one.importOrigin != (importOrigin{}) {
			i.counts.parted++
		}
		if one.Error != nil || !i.people { // people are told of what needs a look
			page = append(page, one)
		}
	}
	i.bar.add(len(b.tasks))
	*b = importBatch{}
	return i.out.Page(page)
}

// expect takes the parents of a task for imported that a dry run would have imported before it.
func (i *importer) expect(r *rowlockv1.ImportResult) {
	missing := slices.ContainsFunc(r.GetMissingParentIds(), func(id string) bool { return !i.known[id] })
	if !missing && len(r.GetMissingParentIds()) > 0 {
		r.Error = nil
	}
	if r.GetError() == nil {
		i.known[r.GetId()] = true
	}
}

// skippedReasons are those that a repeated or partial import meets: nothing is wrong.
var skippedReasons = []string{"task_exists", "unique_taken", "has_dependants", "finished"}

func (c *importCounts) add(line int, why *rowlockv1.Status) {
	switch {
	case why == nil:
		c.imported++
	case slices.Contains(skippedReasons, why.GetReason()):
		c.skipped[why.GetReason()]++
	default:
		c.refused[why.GetReason()]++
		if c.first == nil {
			c.first = &exitError{code: exitCode(why.GetCode()), text: atLine(line, why.GetMessage())}
		}
	}
}

// atLine says where a task stands in a file; line 0: it doesn't.
func atLine(line int, text string) string {
	if line == 0 {
		return text
	}
	return fmt.Sprintf("line %d: %s", line, text)
}

func total(counts map[string]int) (n int) {
	for _, k := range counts {
		n += k
	}
	return n
}

// left is how many tasks weren't imported.
func (c *importCounts) left() int { return total(c.skipped) + total(c.refused) }

// reasons lists why tasks weren't imported, such as "2 task_exists, 1 queue_full".
func (c *importCounts) reasons() string {
	var parts []string
	for _, counts := range []map[string]int{c.skipped, c.refused} {
		for _, reason := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
		}
	}
	return strings.Join(parts, ", ")
}

// table shows people the tasks that weren't imported.
func (i *importer) table(t *render.Table, page []importResult) {
	for _, r := range page {
		if r.Error != nil {
			t.Row(r.ID, r.Reason, atLine(r.Line, r.Error.Message))
		}
	}
}

// outcome says what happened, and how to go on after an error.
func (i *importer) outcome(ctx context.Context, err error) error {
	if err != nil {
		code, text := explain(ctx, err)
		return &exitError{code: code, text: fmt.Sprintf("%s; %d of %s are known to be imported; the same command goes on, and imports nothing twice",
			text, i.counts.imported, render.Count(i.total, "task"))}
	}
	verb := "Imported"
	if i.dryRun {
		verb = "Would import"
	}
	fmt.Fprintf(i.p.stderr, "%s %d of %s%s.\n%s", verb, i.counts.imported, render.Count(i.total, "task"), i.counts.rest(), i.originNote())
	if first := i.counts.first; first != nil {
		return &exitError{code: first.code, text: fmt.Sprintf("%s refused, the first: %s", render.Count(total(i.counts.refused), "task"), first.text)}
	}
	return nil
}

// rest tells of those that weren't imported.
func (c *importCounts) rest() string {
	text := ""
	for _, part := range []struct {
		verb   string
		counts map[string]int
	}{{"skipped", c.skipped}, {"refused", c.refused}} {
		if n := total(part.counts); n > 0 {
			only := importCounts{skipped: part.counts}
			text += fmt.Sprintf("; %d %s (%s)", n, part.verb, only.reasons())
		}
	}
	return text
}
