package task

import "testing"

// TestSpareTasks: what an entry's commands are given is empty, and no two of one entry share it.
func TestSpareTasks(t *testing.T) {
	var s spareTasks
	for _, sizes := range [][]int{{3, 2}, {2, 1, 1}, {maxSpareTasks + 1}, {1}, {5, 4}, {0, 2}} {
		s.reset()
		var lists [][]NewTask
		for _, n := range sizes {
			list := s.take(n)
			if len(list) != n {
				t.Fatalf("%d tasks, want %d", len(list), n)
			}
			for i := range list {
				if list[i].Queue != "" || list[i].Payload != nil {
					t.Fatalf("a task of an earlier entry was left: %+v", list[i])
				}
				list[i] = NewTask{Queue: "mine", Payload: []byte{byte(len(lists))}}
			}
			lists = append(lists, list)
		}
		for k, list := range lists {
			for i := range list {
				if list[i].Payload[0] != byte(k) {
					t.Fatalf("commands %d and %d of an entry share a task", k, list[i].Payload[0])
				}
			}
		}
	}
}
