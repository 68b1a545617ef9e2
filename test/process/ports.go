package process

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
)

// Ports that are reserved are below those that the system gives out by itself (on Linux, from 32768): nobody who asks for any port,
// and no outgoing connection, is given one of them while a server that has it is down.
const (
	firstPort = 10_000
	lastPort  = 32_000
	portTries = 1_000
)

// Reservation is of loopback addresses, for TCP, at which nobody listens.
type Reservation struct {
	Addrs []string

	holds []io.Closer
}

// Reserve reserves n addresses until Release. A reservation is a UDP socket of the same port, so that also other processes that
// reserve find others.
func Reserve(n int) (*Reservation, error) {
	r := &Reservation{}
	for range portTries {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		hold, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue // somebody has it
		}
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			_ = hold.Close() // nothing was written to it
			continue
		}
		_ = listener.Close() // nobody has connected
		r.holds = append(r.holds, hold)
		if r.Addrs = append(r.Addrs, addr); len(r.Addrs) == n {
			return r, nil
		}
	}
	r.Release()
	return nil, fmt.Errorf("found only %d free ports of %d in %d tries", len(r.Addrs), n, portTries)
}

// Release gives the addresses back. A nil reservation has none.
func (r *Reservation) Release() {
	if r == nil {
		return
	}
	for _, hold := range r.holds {
		_ = hold.Close() // nothing was written to it
	}
	r.holds = nil
}
