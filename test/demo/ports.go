package main

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The members' ports are below those that the system gives to outgoing connections (on Linux, from 32768): while a member
// is down, nobody is given its port.
const (
	firstPort = 10_000
	lastPort  = 32_000
	portTries = 1_000
)

// freeAddrs finds loopback addresses where nobody listens. All members must know them before the first one starts.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for range portTries {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)))
		if err != nil {
			continue // somebody has it
		}
		defer listener.Close() // in the end, so that none is found twice
		if addrs = append(addrs, listener.Addr().String()); len(addrs) == n {
			return addrs, nil
		}
	}
	return nil, fmt.Errorf("found only %d free ports of %d in %d tries", len(addrs), n, portTries)
}
