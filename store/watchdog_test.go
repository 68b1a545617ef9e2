package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdog(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		want  int
	}{
		"quick":         {time.Second, 0},
		"almost hung":   {7900 * time.Millisecond, 0},
		"hung":          {8100 * time.Millisecond, 1},
		"hung for long": {time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hung []string
				w := NewWatchdog(0, func(op string, d time.Duration) {
					if d != DefaultHungAfter {
						t.Errorf("told %v", d)
					}
					hung = append(hung, op)
				})
				stop := w.Start("slow")
				w.Start("quick")()
				time.Sleep(c.takes) // the bubble's clock
				stop()
				synctest.Wait()
				if len(hung) != c.want {
					t.Errorf("told of %v, want %d", hung, c.want)
				}
			})
		})
	}
}

func TestNoWatchdog(t *testing.T) {
	var none *Watchdog
	none.Start("op")()
	NewWatchdog(0, nil).Start("op")()
}
