package clienttest_test

import (
	"strings"
	"testing"

	"github.com/rowlock/rowlock/client/clienttest"
)

// A binary that is missing, or that isn't a server, is an error that says so.
func TestStartFails(t *testing.T) {
	if _, err := clienttest.Start("/no/such/rowlock"); err == nil {
		t.Error("started a server that isn't there")
	}
	if _, err := clienttest.Start("echo"); err == nil || !strings.Contains(err.Error(), "ended before it was ready") {
		t.Errorf("got %v", err)
	}
}

// A shared server that nobody asked for is stopped without ado.
func TestSharedUnused(t *testing.T) {
	var s clienttest.Shared
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
