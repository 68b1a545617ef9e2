package clienttest

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/rowlock/rowlock/client"
)

// BinaryVariable is the environment variable that names a server binary to use instead of building one.
const BinaryVariable = "ROWLOCK_BINARY"

// Shared is a server that is built and started when it is first asked for, for the tests of a package:
//
//	var server clienttest.Shared
//
//	func TestMain(m *testing.M) { os.Exit(server.Main(m)) }
type Shared struct {
	mu     sync.Mutex // guards what follows
	dir    string
	server *Server
	err    error
}

// Addr returns the server's API address.
func (s *Shared) Addr() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		s.err = s.start()
	}
	if s.err != nil {
		return "", s.err
	}
	return s.server.Addr, nil
}

func (s *Shared) start() (err error) {
	if s.dir, err = os.MkdirTemp("", "rowlock-test-*"); err != nil {
		return fmt.Errorf("clienttest: %w", err)
	}
	binary := os.Getenv(BinaryVariable)
	if binary == "" {
		if binary, err = Build(s.dir); err != nil {
			return err
		}
	}
	s.server, err = Start(binary)
	return err
}

// Connect returns a client of the server. The configuration's addresses are replaced.
func (s *Shared) Connect(config client.Config) (*client.Client, error) {
	addr, err := s.Addr()
	if err != nil {
		return nil, err
	}
	config.Addrs = []string{addr}
	return client.New(config)
}

// Main runs a package's tests, ends the server if one of them started it, and returns the code to exit with.
func (s *Shared) Main(m interface{ Run() int }) int {
	code := m.Run()
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Stop ends the server if it was started.
func (s *Shared) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.server != nil {
		err = s.server.Stop()
		s.server = nil
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
