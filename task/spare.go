package task

// maxSpareTasks bounds what is kept for the next entry.
const maxSpareTasks = 4096

// spareTasks is memory for the tasks of Enqueue commands, which is used again for each entry: nobody keeps a NewTask beyond the
// entry that carried it.
type spareTasks struct {
	all  []NewTask
	used int
}

// take returns n empty tasks.
func (s *spareTasks) take(n int) []NewTask {
	if s == nil || n > maxSpareTasks {
		return make([]NewTask, n)
	}
	if s.used+n > len(s.all) {
		if s.used > 0 { // the part in use stays as it is
			return make([]NewTask, n)
		}
		s.all = make([]NewTask, n)
	}
	tasks := s.all[s.used : s.used+n : s.used+n]
	s.used += n
	clear(tasks)
	return tasks
}

// reset makes all of it free.
func (s *spareTasks) reset() { s.used = 0 }
