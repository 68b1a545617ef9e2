package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// export writes the tasks that a request selects as JSON lines. Live and finished tasks are listed one after the other.
type export struct {
	p       *program
	request rowlockv1.ListTasksRequest
	to      string
	from    string // --cursor

	passes  []exportPass
	at      int
	cursor  string
	written int64 // bytes, before --cursor
	lines   *lineWriter
	bar     *progress
}

type exportPass struct {
	name   string // in a cursor
	states []rowlockv1.Task_State
}

func (e *export) add(flags *pflag.FlagSet) {
	flags.StringVar(&e.to, "to", "", "write to this file, which must not exist, or with --cursor be what was written before; until it is whole, "+unfinishedSuffix+" is added to its name (default: stdout)")
	flags.StringVar(&e.from, "cursor", "", "go on where an interrupted export stopped, which said so")
	flags.BoolVar(&e.request.Stale, "stale", false, "take the answers of the member at --addr, which may lag behind the leader")
}

// setStates splits the states that were asked for; none are all live ones.
func (e *export) setStates(states []rowlockv1.Task_State) {
	live, finished := exportPass{name: "live"}, exportPass{name: "finished"}
	for _, s := range states {
		if s == rowlockv1.Task_completed || s == rowlockv1.Task_cancelled {
			finished.states = append(finished.states, s)
		} else {
			live.states = append(live.states, s)
		}
	}
	if len(live.states) > 0 || len(states) == 0 {
		e.passes = append(e.passes, live)
	}
	if len(finished.states) > 0 {
		e.passes = append(e.passes, finished)
	}
}

// begin finds the place of --cursor, and opens the file.
func (e *export) begin() error {
	if e.from != "" {
		if err := e.goOn(); err != nil {
			return err
		}
	}
	var err error
	e.lines, err = openLines(e.p.stdout, e.to, e.written)
	e.bar = e.p.progress(-1, "exported", "tasks")
	return err
}

// goOn reads --cursor: which pass, how many bytes the output has, and where the pass goes on.
func (e *export) goOn() error {
	bad := usagef("--cursor %q: want what the interrupted export printed, with the same --state", e.from)
	parts := strings.SplitN(e.from, ":", 3)
	if len(parts) != 3 {
		return bad
	}
	for e.at < len(e.passes) && e.passes[e.at].name != parts[0] {
		e.at++
	}
	bytes, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || bytes <= 0 || e.at == len(e.passes) {
		return bad
	}
	e.written, e.cursor = bytes, parts[2]
	return nil
}

// end says how many tasks there were, unless an error says it.
func (e *export) end(failed error) error {
	e.bar.stop()
	err := e.lines.close(failed)
	if failed == nil && err == nil {
		fmt.Fprintf(e.p.stderr, "Exported %s.\n", render.Count(e.lines.count, "task"))
	}
	return err
}
