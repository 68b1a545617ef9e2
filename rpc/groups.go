package rpc

import (
	"cmp"
	"context"
	"slices"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// maxGroups bounds the groups of one call.
const maxGroups = 10_000

// ListDeadLetterGroups goes through all dead letters.
func (s *operationService) ListDeadLetterGroups(ctx context.Context, req *pb.ListDeadLetterGroupsRequest) (*pb.ListDeadLetterGroupsResponse, error) {
	if req.GetQueue() != "" {
		if err := checkQueue("", "queue", req.GetQueue()); err != nil {
			return nil, err
		}
		if err := s.queueThere(ctx, req.GetQueue()); err != nil {
			return nil, err
		}
	}
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	f, err := compile("where", req.GetWhere())
	if err != nil {
		return nil, err
	}
	scan := raftfsm.Scan{Queue: req.GetQueue(), Kind: req.GetKind(), States: []task.State{task.DeadLetter}}
	g := groups{}
	out := &pb.ListDeadLetterGroupsResponse{}
	out.Complete, err = newSearch(s.node, scan, f, s.now()).all(ctx, func(t *task.Task) {
		out.TasksTotal++
		g.add(t)
	})
	if err != nil {
		return nil, err
	}
	out.GroupsTotal, out.Groups = uint64(len(g)), g.largest(limit)
	return out, nil
}

// groups are dead letters by what they have in common.
type groups map[groupKey]*group

type groupKey struct {
	queue, kind string
	print       filter.Print
}

type group struct {
	tasks       uint64
	first, last task.Time
	example     task.ID
	text        string
	reason      task.Reason
}

func (g groups) add(t *task.Task) {
	key := groupKey{t.Queue, t.Kind, filter.Fingerprint(t)}
	x := g[key]
	if x == nil {
		if len(g) == maxGroups {
			return
		}
		x = &group{first: t.FinishedAt}
		g[key] = x
	}
	x.tasks++
	x.first = min(x.first, t.FinishedAt)
	if t.FinishedAt >= x.last {
		x.last, x.example, x.text, x.reason = t.FinishedAt, t.ID, filter.LastError(t), t.Reason
	}
}

// largest returns the groups with the most tasks, those with the newest first among equals.
func (g groups) largest(limit int) []*pb.DeadLetterGroup {
	out := make([]*pb.DeadLetterGroup, 0, len(g))
	for key, x := range g {
		out = append(out, &pb.DeadLetterGroup{
			Fingerprint: key.print.String(), Queue: key.queue, Kind: key.kind, Tasks: x.tasks,
			FirstAt: timestamp(x.first), LastAt: timestamp(x.last),
			ExampleId: x.example.String(), ExampleError: x.text, ExampleReason: x.reason.String(),
		})
	}
	slices.SortFunc(out, func(a, b *pb.DeadLetterGroup) int {
		return cmp.Or(cmp.Compare(b.GetTasks(), a.GetTasks()), b.GetLastAt().AsTime().Compare(a.GetLastAt().AsTime()),
			cmp.Compare(a.GetFingerprint(), b.GetFingerprint()), cmp.Compare(a.GetQueue(), b.GetQueue()), cmp.Compare(a.GetKind(), b.GetKind()))
	})
	return out[:min(limit, len(out))]
}
