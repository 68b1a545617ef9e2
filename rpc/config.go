package rpc

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is all that a Server needs to know. Zero fields take the defaults of their comments.
type Config struct {
	// Node is the member that answers. Required.
	Node Node
	// APIAddr is host:port to listen on for gRPC; port 0 picks one. Default 127.0.0.1:7300.
	APIAddr string
	// HTTPAddr is the same for HTTP: the JSON gateway, metrics and probes. Default 127.0.0.1:7302.
	HTTPAddr string
	// Version is what GetStatus tells.
	Version string
	// Logger is required.
	Logger *slog.Logger
	// Registerer takes the API's metrics; nil: none. Gatherer is what /metrics shows; nil: there is no /metrics.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Limits bound what one call may carry.
	Limits Limits
	// Pprof serves /debug/pprof/ too.
	Pprof bool
	// StopTimeout is how long calls in progress may take to end when the server stops. Default 5 s.
	StopTimeout time.Duration
	// MaxLag is the number of log entries by which a member that is ready may lag. Default 10,000.
	MaxLag uint64
	// AdvertiseHost is the host under which clients and other members reach this one; empty: the one of APIAddr.
	AdvertiseHost string
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() (Config, error) {
	if c.APIAddr == "" {
		c.APIAddr = "127.0.0.1:7300"
	}
	if c.HTTPAddr == "" {
		c.HTTPAddr = "127.0.0.1:7302"
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 5 * time.Second
	}
	if c.MaxLag == 0 {
		c.MaxLag = 10_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Limits = c.Limits.withDefaults()
	return c, c.validate()
}

func (c Config) validate() error {
	switch {
	case c.Node == nil:
		return errors.New("api: no node given")
	case c.Logger == nil:
		return errors.New("api: no logger given")
	case c.StopTimeout < 0:
		return errors.New("api: the stop timeout must not be negative")
	}
	for _, a := range []struct{ name, addr string }{{"API", c.APIAddr}, {"HTTP", c.HTTPAddr}} {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return errors.New("api: the " + a.name + " address must be host:port: " + err.Error())
		}
	}
	return c.Limits.validate()
}
