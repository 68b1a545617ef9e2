package raftfsm

import (
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// TimelineName is the timeline that a state is on, as archives name it.
func TimelineName(m *task.Machine) string { return logarchive.TimelineName(m.Timeline().ID) }
