package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// defaultAPIPort is the port of an address without one.
const defaultAPIPort = "7300"

const maxPort = 65535

// checkAPIAddrs says what is wrong with the addresses of --addr.
func checkAPIAddrs(addrs []string) error {
	if len(addrs) == 0 {
		return usagef("--addr is empty: want host[:port],…")
	}
	return checkAddrs("addr", addrs)
}

// checkAddrs says what is wrong with the API addresses of a flag.
func checkAddrs(flag string, addrs []string) error {
	for _, addr := range addrs {
		if err := checkAPIAddr(addr); err != nil {
			return usagef("--%s %q: %s", flag, addr, err)
		}
	}
	return nil
}

func checkAPIAddr(addr string) error {
	if _, rest, ok := strings.Cut(addr, "://"); ok {
		return fmt.Errorf("want host[:port] without a scheme, such as %s", strings.TrimRight(rest, "/"))
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = strings.Trim(addr, "[]"), defaultAPIPort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return errors.New("want host[:port]")
		}
	}
	if host == "" && err != nil || strings.ContainsAny(host, " /") {
		return errors.New("want host[:port]")
	}
	return checkPort(port, 1)
}

// checkListen says what is wrong with an address to listen on; port 0 lets the system pick one.
func checkListen(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("want host:port")
	}
	return checkPort(port, 0)
}

func checkPort(port string, least int) error {
	if n, err := strconv.Atoi(port); err != nil || n < least || n > maxPort {
		return fmt.Errorf("want a port from %d to %d", least, maxPort)
	}
	return nil
}
