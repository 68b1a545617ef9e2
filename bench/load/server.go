package load

import (
	"context"
	"time"
)

// Server is what is measured.
type Server interface {
	// Addrs are its API addresses.
	Addrs() []string
	// Memory of its process; ok is false where that can't be known.
	Memory() (m Memory, ok bool)
	// DataBytes is the size of its data directory; 0: not known.
	DataBytes() uint64
	// Restart stops it in an orderly way, starts it again and returns how long the start took; ErrNotOurs for one that
	// was there before.
	Restart(ctx context.Context) (time.Duration, error)
	// Close ends it if it was started for the measurement.
	Close() error
}

// Memory is a process's resident memory, in bytes.
type Memory struct {
	RSS, Anon, File uint64
}
