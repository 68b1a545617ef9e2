package rpc

import (
	"sync"

	"github.com/rowlock/rowlock/task"
)

// minList and maxList bound the lists of tasks that are used again, in tasks: smaller ones cost little to make, and larger ones
// are rare.
const (
	minList = 32
	maxList = 2 * partTasks
)

var taskLists = sync.Pool{New: func() any { return new([]task.NewTask) }}

// newList returns n empty tasks.
func newList(n int) []task.NewTask {
	if n < minList || n > maxList {
		return make([]task.NewTask, n)
	}
	list := taskLists.Get().(*[]task.NewTask)
	if cap(*list) < n {
		return make([]task.NewTask, n)
	}
	return (*list)[:n]
}

// reuse takes a list back. Nobody may hold one of its tasks any more, neither a command that is still on its way.
func reuse(list []task.NewTask) {
	if n := len(list); n < minList || n > maxList {
		return
	}
	clear(list)
	taskLists.Put(&list)
}
