package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// DefaultAddr is where a server listens if nothing else is said.
const DefaultAddr = "127.0.0.1:7300"

const (
	defaultPort     = "7300"
	defaultRetryFor = 30 * time.Second
	defaultAttempt  = 10 * time.Second
	defaultInFlight = 4
	maxInFlight     = 16
)

// Config says how to reach the servers. The zero value is a server on this machine.
type Config struct {
	// Addrs are the API addresses of some or all members, host:port or host; [DefaultAddr] where empty.
	Addrs []string
	// Name is what operators see as the producer's name; the host's name where empty.
	Name string
	// OneShot is for programs that make a few calls and exit: instead of opening a producer session, which the servers
	// keep for a while, each request carries an ID of its own.
	OneShot bool
	// RetryFor bounds how long one call is retried while servers are unavailable or overloaded; 30 s where zero,
	// negative: not at all. A call's context bounds it too.
	RetryFor time.Duration
	// AttemptTimeout is how long one server has to answer an Enqueue before the next is asked; 10 s where zero.
	AttemptTimeout time.Duration
	// InFlight is how many Enqueue requests may be on their way at once when there is a lot to send, 1 to 16; 4 where
	// zero.
	InFlight int

	// TransportCredentials are those of TLS; nil: no encryption.
	TransportCredentials credentials.TransportCredentials
	// CallCredentials, such as Token, accompany every call; may be nil.
	CallCredentials credentials.PerRPCCredentials
	// DialOptions are added to the client's own.
	DialOptions []grpc.DialOption
	// Logger is told about lost connections; nil: nobody is.
	Logger *slog.Logger
}

// withDefaults returns the configuration with everything set, or says what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if len(c.Addrs) == 0 {
		c.Addrs = []string{DefaultAddr}
	}
	addrs := make([]string, 0, len(c.Addrs))
	for _, a := range c.Addrs {
		full, err := completeAddr(a)
		if err != nil {
			return c, err
		}
		addrs = append(addrs, full)
	}
	c.Addrs = addrs
	if c.Name == "" {
		c.Name, _ = os.Hostname() // a nameless host is a nameless producer
	}
	if c.RetryFor == 0 {
		c.RetryFor = defaultRetryFor
	}
	if c.AttemptTimeout == 0 {
		c.AttemptTimeout = defaultAttempt
	}
	if c.AttemptTimeout < 0 {
		return c, fmt.Errorf("client: AttemptTimeout is %v, want more than nothing", c.AttemptTimeout)
	}
	if c.InFlight == 0 {
		c.InFlight = defaultInFlight
	}
	if c.InFlight < 0 || c.InFlight > maxInFlight {
		return c, fmt.Errorf("client: InFlight is %d, want 1 to %d", c.InFlight, maxInFlight)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// completeAddr adds the default port where an address has none.
func completeAddr(addr string) (string, error) {
	if addr == "" {
		return "", errors.New("client: an address is empty")
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		if port == "" {
			return "", fmt.Errorf("client: address %q has an empty port", addr)
		}
		return net.JoinHostPort(host, port), nil
	}
	if host = strings.Trim(addr, "[]"); strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", fmt.Errorf("client: address %q: %w", addr, err)
	}
	return net.JoinHostPort(host, defaultPort), nil
}
