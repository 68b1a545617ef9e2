package render

import "testing"

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"0 tasks":         Count(0, "task"),
		"1 task":          Count(uint64(1), "task"),
		"2 live tasks":    Count(2, "live task"),
		"1 entry":         Count(1, "entry"),
		"12 entries":      Count(int64(12), "entry"),
		"3 keys":          Count(3, "key"),
		"30 days":         Count(uint32(30), "day"),
		"2 batches":       Count(2, "batch"),
		"1 queue":         Count(1, "queue"),
		"5 log archives":  Count(5, "log archive"),
		"0 dead letters":  Count(0, "dead letter"),
		"2 addresses":     Count(2, "address"),
		"10 full backups": Count(10, "full backup"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
