// Package task is impure in every way.
package task

import (
	"os"
	"sync/atomic"
	"time"
)

var count atomic.Int64

func now() time.Time { return time.Now() }

// Name uses everything.
func Name(weight float64) string { return now().String() + os.Args[0] }

var _ = send

func send(numbers chan int) {
	go func() { numbers <- int(count.Load()) }()
}
