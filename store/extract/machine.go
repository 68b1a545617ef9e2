package extract

import "github.com/rowlock/rowlock/task"

// Machine builds the machine of the state, for what isn't tasks: queues and schedules.
func (s *Source) Machine() (*task.Machine, error) { return s.view.Machine(task.SupportedLevel) }
