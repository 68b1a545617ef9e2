package clienttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	startTime = 60 * time.Second
	stopTime  = 20 * time.Second
	// logTail is how much of a server's log is kept for the error of one that doesn't start.
	logTail = 8 << 10
)

// Server is a 'rowlock dev' of its own, on ports of its own, with its data in a temporary directory.
type Server struct {
	// Addr is where clients and workers connect, HTTPAddr where JSON, metrics and probes are served.
	Addr, HTTPAddr string

	process *exec.Cmd
	drained chan struct{} // its log has ended
}

// Start runs the binary, which may be a name to be looked up in PATH, and waits until it is ready. Further arguments
// are those of 'rowlock dev'.
func Start(binary string, args ...string) (*Server, error) {
	args = append([]string{
		"dev", "--api-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--log-format", "json",
	}, args...)
	s := &Server{process: exec.Command(binary, args...), drained: make(chan struct{})}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("clienttest: %w", err)
	}
	s.process.Stdout, s.process.Stderr = writer, writer
	err = s.process.Start()
	_ = writer.Close() // the server has its own
	if err != nil {
		_ = reader.Close()
		return nil, fmt.Errorf("clienttest: %w", err)
	}
	ready := make(chan error, 1)
	go s.read(reader, ready)
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case err = <-ready:
	case <-timer.C:
		err = fmt.Errorf("not ready after %v", startTime)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("clienttest: %w", err), s.kill())
	}
	return s, nil
}

// read looks for the line that says that the server is ready, and then reads on, as a full pipe would stop it.
func (s *Server) read(log io.ReadCloser, ready chan<- error) {
	defer close(s.drained)
	defer log.Close()
	var tail bytes.Buffer
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, API, HTTP string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			s.Addr, s.HTTPAddr = line.API, line.HTTP
			ready <- nil
			_, _ = io.Copy(io.Discard, log)
			return
		}
		if tail.Len() < logTail {
			tail.Write(lines.Bytes())
			tail.WriteByte('\n')
		}
	}
	ready <- fmt.Errorf("the server ended before it was ready:\n%s", tail.Bytes())
}

// Stop ends the server in an orderly way.
func (s *Server) Stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("clienttest: %w", err)
	}
	timer := time.AfterFunc(stopTime, func() { _ = s.process.Process.Kill() }) // Wait tells
	defer timer.Stop()
	err := s.process.Wait()
	<-s.drained
	if err != nil {
		return fmt.Errorf("clienttest: the server: %w", err)
	}
	return nil
}

// kill ends a server that didn't start.
func (s *Server) kill() error {
	_ = s.process.Process.Kill() // it may have ended by itself
	err := s.process.Wait()
	<-s.drained
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // as was to be expected
	}
	return err
}

// Build compiles the server from the Go module that the current directory belongs to, and returns the binary's path in
// the directory.
func Build(dir string) (string, error) {
	binary := dir + "/rowlock"
	build := exec.Command("go", "build", "-o", binary, "github.com/rowlock/rowlock/cmd/rowlock")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("clienttest: %w\n%s", err, out)
	}
	return binary, nil
}
