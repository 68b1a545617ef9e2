package main

import (
	"fmt"
	"time"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

// What is done to the leader.
const (
	signalKill = "kill"
	signalStop = "stop"
)

// config says what to measure.
type config struct {
	Trials    int     `json:"trials"`
	Signal    string  `json:"signal"`
	Profile   string  `json:"profile"`
	Producers int     `json:"producers"`
	Rate      float64 `json:"rate"` // tasks per second of all producers

	// StopSeconds is how long a stopped leader stays so, WindowSeconds how long a trial watches after the strike at least.
	StopSeconds   float64 `json:"stop_seconds,omitempty"`
	WindowSeconds float64 `json:"window_seconds"`

	binary string
	dir    string // where the data goes
	logs   string // where the logs of members and programs go
	format render.Format
	stop   time.Duration
	window time.Duration
}

// complete says what is wrong, or fills in what follows from the rest.
func (c *config) complete() error {
	switch {
	case c.Trials < 1 || c.Trials > 10_000:
		return fmt.Errorf("-trials %d: want 1 to 10000", c.Trials)
	case c.Signal != signalKill && c.Signal != signalStop:
		return fmt.Errorf("-signal %q: want %s or %s", c.Signal, signalKill, signalStop)
	case c.Producers < 1 || c.Producers > 1_000:
		return fmt.Errorf("-producers %d: want 1 to 1000", c.Producers)
	case c.Rate <= 0 || c.Rate > 10_000:
		return fmt.Errorf("-rate %g: want more than 0 and at most 10000", c.Rate)
	case c.stop <= 0 || c.window <= 0:
		return fmt.Errorf("-stop %s and -window %s: want more than 0", c.stop, c.window)
	}
	if c.Signal == signalStop {
		c.StopSeconds = c.stop.Seconds()
		c.window = max(c.window, c.stop+time.Second) // see what its return does
	}
	c.WindowSeconds = c.window.Seconds()
	return nil
}
