package raftfsm

import "github.com/rowlock/rowlock/task"

// timelineOf is the number of the timeline that a state is on.
func timelineOf(m *task.Machine) uint64 { return m.Timeline().ID }
