package main

import (
	"testing"
	"time"
)

func TestLongestGap(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var acks []ack
	for _, ms := range []int{0, 900, 1000, 1010, 3010, 3020, 9000} {
		acks = append(acks, ack{at: at(ms)})
	}
	for _, test := range []struct{ first, last, want int }{
		{1005, 3020, 2000}, // not what came before, nor after
		{1500, 3020, 2000}, // it began before
		{3010, 3020, 10},
		{1000, 1005, 0},
		{0, 9000, 5980},
	} {
		if got := longestGap(acks, at(test.first), at(test.last)); got != time.Duration(test.want)*time.Millisecond {
			t.Errorf("from %d to %d: %s, want %d ms", test.first, test.last, got, test.want)
		}
	}
}
