package rpc

import (
	"slices"
	"strings"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// compile checks a filter that came in a field.
func compile(field, text string) (*filter.Filter, error) {
	f, err := filter.Compile(text)
	if err != nil {
		return nil, invalid("%s: %s", field, err)
	}
	return f, nil
}

// selection is a checked Selection for an action.
type selection struct {
	action      task.OperationAction
	queue, kind string
	states      []task.State
	filter      *filter.Filter
}

func newSelection(action pb.Operation_Action, in *pb.Selection) (*selection, error) {
	s := &selection{queue: in.GetQueue(), kind: in.GetKind()}
	switch action {
	case pb.Operation_cancel:
		s.action = task.OperationCancel
	case pb.Operation_retry:
		s.action = task.OperationRetry
	case pb.Operation_delete:
		s.action = task.OperationDelete
	default:
		return nil, invalid("action is required: cancel, retry or delete")
	}
	if s.queue != "" {
		if err := checkQueue("selection.", "queue", s.queue); err != nil {
			return nil, err
		}
	}
	if err := checkLength("selection.", "kind", s.kind, maxKind); err != nil {
		return nil, err
	}
	if err := s.setStates(in.GetStates()); err != nil {
		return nil, err
	}
	var err error
	s.filter, err = compile("selection.where", in.GetWhere())
	return s, err
}

// setStates takes the states that the action covers; without any, all live ones of these.
func (s *selection) setStates(words []pb.Task_State) error {
	covered := s.action.Covers()
	for i, w := range words {
		st, ok := parseState(w)
		switch {
		case !ok || !slices.Contains(covered, st):
			return invalid("selection.states[%d] is %s, which %s doesn't cover: it covers %s", i, w, s.action, stateList(covered))
		case i > 0 && st.Finished() != s.states[0].Finished():
			return invalid("selection.states mixes finished states (completed, cancelled) with others: start one operation for each")
		case !slices.Contains(s.states, st):
			s.states = append(s.states, st)
		}
	}
	if len(words) == 0 {
		s.states = slices.DeleteFunc(covered, task.State.Finished)
	}
	return nil
}

func stateList(list []task.State) string {
	words := make([]string, len(list))
	for i, st := range list {
		words[i] = st.String()
	}
	return strings.Join(words, ", ")
}

func (s *selection) scan() raftfsm.Scan {
	return raftfsm.Scan{Queue: s.queue, Kind: s.kind, States: s.states}
}
