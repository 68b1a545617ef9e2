package main

import "testing"

// record makes a ledger of acknowledged IDs, and a history of pairs of an ID and its call.
func record(acked []string, completed [][2]string) (*ledger, *history) {
	l, h := newLedger(), newHistory()
	for _, id := range acked {
		l.ack(id)
		l.run(id)
	}
	for _, c := range completed {
		h.add(c[0], c[1])
	}
	return l, h
}

func TestAudit(t *testing.T) {
	ab := [][2]string{{"a", "1"}, {"b", "2"}}
	for _, test := range []struct {
		name      string
		acked     []string
		failed    int
		completed [][2]string
		counted   int
		want      findings
	}{
		{"all is well", []string{"a", "b"}, 0, ab, 2, findings{}},
		{"a failed call made a task", []string{"a"}, 1, ab, 2, findings{}},
		{"lost", []string{"a", "b", "c"}, 0, ab, 2, findings{Lost: 1}},
		{"lost, and another unasked", []string{"a", "c"}, 0, ab, 2, findings{Lost: 1, Unasked: 1}},
		{"twice in the history", []string{"a", "b"}, 0, append(ab[:2:2], ab[0]), 3, findings{CompletedTwice: 1}},
		{"counted twice", []string{"a", "b"}, 0, ab, 3, findings{CompletedTwice: 1}},
		{"one call, two tasks", []string{"a", "b"}, 1, append(ab[:2:2], [2]string{"c", "2"}), 3, findings{EnqueuedTwice: 1}},
		{"two calls, one task", []string{"a", "b", "b"}, 0, ab, 2, findings{Shared: 1}},
		{"nobody asked", []string{"a"}, 0, ab, 2, findings{Unasked: 1}},
	} {
		l, h := record(test.acked, test.completed)
		for range test.failed {
			l.fail()
		}
		got := compare(l, h, test.counted)
		broken := findings{Lost: got.Lost, CompletedTwice: got.CompletedTwice, EnqueuedTwice: got.EnqueuedTwice, Shared: got.Shared, Unasked: got.Unasked}
		if broken != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, broken, test.want)
		}
		if (got.verdict() == nil) != (test.want == findings{}) {
			t.Errorf("%s: verdict %v", test.name, got.verdict())
		}
	}
}
