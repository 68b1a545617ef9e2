package store

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DefaultReserve is how much address space a file's mapping reserves. When a file outgrows its mapping, bbolt maps anew,
// which waits for all readers and stops all writers. Reserving costs neither memory nor disk.
const DefaultReserve = 16 << 30

// Options configure a Store or a LogStore.
type Options struct {
	// Dir is the data directory; it is created if it doesn't exist.
	Dir string
	// Logger is required.
	Logger *slog.Logger
	// Registerer takes the metrics until Close; nil: none.
	Registerer prometheus.Registerer
	// Watchdog times the writes; nil: none.
	Watchdog *Watchdog
	// Reserve is the address space of the file's mapping in bytes; 0: DefaultReserve, or less where the process has a
	// limit. It is a hint: a larger file works too.
	Reserve int
	// SupportedLevel is the feature level above which a state is refused; 0: task.SupportedLevel.
	SupportedLevel uint32
	// Now times operations for the metrics. Required.
	Now func() time.Time
}

func (o Options) validate() error {
	switch {
	case o.Dir == "":
		return errors.New("store: no data directory given")
	case o.Logger == nil:
		return errors.New("store: no logger given")
	case o.Now == nil:
		return errors.New("store: no clock given")
	case o.Reserve < 0:
		return fmt.Errorf("store: reserve of %d bytes is negative", o.Reserve)
	}
	return nil
}

// reserve is the size to map: what was asked for, but at most an eighth of the address space that the process may
// have.
func (o Options) reserve() int {
	n := o.Reserve
	if n == 0 {
		n = min(DefaultReserve, math.MaxInt/4)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err == nil && limit.Cur/8 < uint64(n) {
		n = int(limit.Cur / 8)
	}
	return n
}
