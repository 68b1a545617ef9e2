package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// pageSize is the largest page that the API gives.
const pageSize = 1000

// listing is the part of a list that its flags choose.
type listing struct {
	limit  int
	all    bool
	cursor string
	stale  bool
	table  func(now time.Time) func(*render.Table, []render.Task) // for people; nil: that of any tasks
}

func listingFlags(cmd *cobra.Command) *listing {
	l := &listing{}
	cmd.Flags().IntVar(&l.limit, "limit", 100, "print at most this many")
	cmd.Flags().BoolVar(&l.all, "all", false, "print all there are")
	cmd.Flags().StringVar(&l.cursor, "cursor", "", "go on where a list with this 'next cursor' stopped")
	cmd.Flags().BoolVar(&l.stale, "stale", false, "take the answer of the member at --addr, which may lag behind the leader")
	return l
}

func (l *listing) check(cmd *cobra.Command) error {
	if err := atMostOne(cmd.Flags(), "limit", "all"); err != nil {
		return err
	}
	if l.limit < 1 {
		return usagef("--limit %d: want at least 1", l.limit)
	}
	return nil
}

// pages calls fn with each page and returns the cursor of the next one, "" at the end. fetch gets the most items of the
// page and its cursor, and returns how many there were and the next cursor.
func (l *listing) pages(fetch func(limit uint32, cursor string) (n int, next string, err error)) (next string, err error) {
	cursor := l.cursor
	for left := l.limit; l.all || left > 0; {
		size := pageSize
		if !l.all {
			size = min(size, left)
		}
		n, next, err := fetch(uint32(size), cursor)
		if err != nil || next == "" {
			return "", err
		}
		left -= n
		cursor = next
	}
	return cursor, nil
}

// more tells where to go on, on stderr: stdout has nothing but the list.
func (p *program) more(cursor string) {
	if cursor != "" {
		fmt.Fprintf(p.stderr, "There are more; next cursor: %s\n", cursor)
	}
}

// listTasks prints the tasks that the request selects.
func (p *program) listTasks(ctx context.Context, cmd *cobra.Command, tasks rowlockv1.TaskServiceClient, out *output, l *listing, request *rowlockv1.ListTasksRequest) error {
	if err := l.check(cmd); err != nil {
		return err
	}
	table := render.Tasks(p.now())
	if l.table != nil {
		table = l.table(p.now())
	}
	page := list(out, table)
	request.Stale = l.stale
	request.OmitPayload = out.people()
	var lag *rowlockv1.Lag
	next, err := l.pages(func(limit uint32, cursor string) (int, string, error) {
		request.Limit, request.Cursor = limit, cursor
		answer, err := tasks.ListTasks(ctx, request)
		if err != nil {
			return 0, "", err
		}
		lag = answer.GetLag()
		return len(answer.GetTasks()), answer.GetNextCursor(), page.Page(render.NewTasks(answer.GetTasks()))
	})
	if err != nil {
		return err
	}
	if err := page.Close("No tasks."); err != nil {
		return err
	}
	p.more(next)
	p.lag(lag)
	return nil
}

// parseStates reads the names of task states.
func parseStates(names []string) ([]rowlockv1.Task_State, error) {
	var states []rowlockv1.Task_State
	for _, name := range names {
		number, ok := rowlockv1.Task_State_value[strings.ToLower(name)]
		if !ok || number == 0 {
			return nil, usagef("--state %q: want %s", name, strings.Join(stateNames(), ", "))
		}
		states = append(states, rowlockv1.Task_State(number))
	}
	return states, nil
}

func stateNames() []string {
	var names []string
	for number, name := range rowlockv1.Task_State_name {
		if number != 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return int(rowlockv1.Task_State_value[a] - rowlockv1.Task_State_value[b])
	})
	return names
}
