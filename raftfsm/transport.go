package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"
)

const (
	// raftTimeout bounds the I/O of one Raft message.
	raftTimeout = 10 * time.Second
	// userTimeout is how long sent data may stay unacknowledged before a connection counts as dead.
	userTimeout = 5 * time.Second
	// pooledConns is how many idle connections to another member are kept.
	pooledConns = 3
	// maxPrefaces is how many connections may be in their preface at a time.
	maxPrefaces = 64
)

// streamLayer is the network under raft's transport. Its address is a name that is resolved anew at every dial, so that
// a group whose pods all got new IP addresses finds itself again.
type streamLayer struct {
	listener  net.Listener
	advertise memberAddr
	clusterID atomic.Pointer[string] // empty while this member belongs to no cluster: nobody is welcome
	logger    *slog.Logger

	accepted chan net.Conn // for raft
	peers    chan net.Conn // for the members' gRPC
	prefaces chan struct{} // one token for each connection in its preface
	closed   chan struct{}
	closing  sync.Once
	wg       sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

var _ raft.StreamLayer = (*streamLayer)(nil)

// memberAddr is host:port as other members dial it.
type memberAddr string

func (a memberAddr) Network() string { return "tcp" }
func (a memberAddr) String() string  { return string(a) }

// listenRaft begins to listen.
func listenRaft(c Config, clusterID string) (*streamLayer, error) {
	listen := net.ListenConfig{Control: controlSocket, KeepAliveConfig: keepAlive()}
	l, err := listen.Listen(context.Background(), "tcp", c.RaftAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for members on %s: %w", c.RaftAddr, err)
	}
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen for members: %s is no TCP address", l.Addr()), l.Close())
	}
	host := c.AdvertiseHost
	if host == "" {
		if tcp.IP.IsUnspecified() {
			return nil, errors.Join(fmt.Errorf("other members can't reach %s: give the host to advertise", tcp), l.Close())
		}
		host = tcp.IP.String()
	}
	s := &streamLayer{
		listener:  l,
		advertise: memberAddr(net.JoinHostPort(host, strconv.Itoa(tcp.Port))),
		logger:    c.Logger,
		accepted:  make(chan net.Conn),
		peers:     make(chan net.Conn),
		prefaces:  make(chan struct{}, maxPrefaces),
		closed:    make(chan struct{}),
		conns:     map[net.Conn]struct{}{},
	}
	s.clusterID.Store(&clusterID)
	s.wg.Add(1)
	go s.listen()
	return s, nil
}

func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}
}

// controlSocket bounds how long sent data may stay unacknowledged: without it a peer that vanished holds up whoever
// writes to it for a quarter of an hour.
func controlSocket(_, _ string, raw syscall.RawConn) error {
	var err error
	control := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	return errors.Join(control, err)
}

// listen accepts connections and has each introduce itself, none of which holds up another.
func (s *streamLayer) listen() {
	defer s.wg.Done()
	for {
		select {
		case s.prefaces <- struct{}{}:
		case <-s.closed:
			return
		}
		c, err := s.listener.Accept()
		if err != nil {
			<-s.prefaces
			select {
			case <-s.closed:
				return
			case <-time.After(50 * time.Millisecond): // out of file descriptors, perhaps
				s.logger.Error("can't accept a connection between members", "error", err)
			}
			continue
		}
		if !s.track(c) {
			_ = c.Close()
			<-s.prefaces
			return
		}
		s.wg.Add(1)
		go s.introduce(c)
	}
}

func (s *streamLayer) introduce(c net.Conn) {
	defer s.wg.Done()
	magic, err := receivePreface(c, *s.clusterID.Load(), prefaceTimeout)
	<-s.prefaces
	if err != nil {
		level := slog.LevelDebug
		if errors.Is(err, ErrForeignCluster) {
			level = slog.LevelWarn
		}
		s.logger.Log(context.Background(), level, "connection between members turned away", "from", c.RemoteAddr(), "error", err)
		s.drop(c)
		return
	}
	out := s.accepted
	if magic == prefacePeers {
		out = s.peers
	}
	select {
	case out <- &memberConn{Conn: c, layer: s}:
	case <-s.closed:
		s.drop(c)
	}
}

// track notes a connection, which Close closes; false: it is too late.
func (s *streamLayer) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *streamLayer) drop(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	_ = c.Close()
}

// memberConn is a connection that is forgotten when it is closed.
type memberConn struct {
	net.Conn
	layer *streamLayer
}

func (c *memberConn) Close() error {
	c.layer.drop(c.Conn)
	return nil
}

// Accept returns the next connection from another member.
func (s *streamLayer) Accept() (net.Conn, error) {
	select {
	case c := <-s.accepted:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Dial connects to a member's Raft by its name.
func (s *streamLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.dial(ctx, string(address), prefaceRaft)
}

func (s *streamLayer) dial(ctx context.Context, address, magic string) (net.Conn, error) {
	d := net.Dialer{Control: controlSocket, KeepAliveConfig: keepAlive()}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if !s.track(c) {
		return nil, errors.Join(net.ErrClosed, c.Close())
	}
	deadline, _ := ctx.Deadline()
	if err := sendPreface(c, magic, *s.clusterID.Load(), deadline); err != nil {
		s.drop(c)
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return &memberConn{Conn: c, layer: s}, nil
}

// Addr is the name under which other members reach this one.
func (s *streamLayer) Addr() net.Addr { return s.advertise }

// Close stops listening and closes all connections. It may be called more than once.
func (s *streamLayer) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.closed)
		err = s.listener.Close()
		s.mu.Lock()
		conns := s.conns
		s.conns = nil
		s.mu.Unlock()
		for c := range conns {
			_ = c.Close()
		}
		s.wg.Wait()
	})
	return err
}

// newTransport puts raft's protocol on the stream layer.
func newTransport(s *streamLayer, logger *slog.Logger) *raft.NetworkTransport {
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:          s,
		MaxPool:         pooledConns,
		MaxRPCsInFlight: 2, // deeper pipelines cost latency (raft#541)
		Timeout:         raftTimeout,
		Logger:          newRaftLogger(logger),
	})
}
