package client_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/client"
)

// Each status is the sentinels that its row names, and no other.
func TestErrorIs(t *testing.T) {
	sentinels := []error{
		client.ErrInvalid, client.ErrNotFound, client.ErrConflict, client.ErrState, client.ErrStaleLease, client.ErrDraining,
		client.ErrOverloaded, client.ErrNoSpace, client.ErrDenied, client.ErrUnavailable, client.ErrUnknownOutcome,
		client.ErrClosed,
	}
	for _, row := range []struct {
		code   codes.Code
		reason string
		is     []error
	}{
		{codes.InvalidArgument, "invalid", []error{client.ErrInvalid}},
		{codes.NotFound, "not_found", []error{client.ErrNotFound}},
		{codes.AlreadyExists, "unique_taken", []error{client.ErrConflict}},
		{codes.FailedPrecondition, "wrong_state", []error{client.ErrState}},
		{codes.FailedPrecondition, "stale_token", []error{client.ErrState, client.ErrStaleLease}},
		{codes.FailedPrecondition, "draining", []error{client.ErrState, client.ErrDraining}},
		{codes.ResourceExhausted, "overloaded", []error{client.ErrOverloaded}},
		{codes.ResourceExhausted, "no_space", []error{client.ErrNoSpace}},
		{codes.PermissionDenied, "", []error{client.ErrDenied}},
		{codes.Unauthenticated, "", []error{client.ErrDenied}},
		{codes.Unavailable, "not_leader", []error{client.ErrUnavailable}},
		{codes.Internal, "internal", nil},
	} {
		err := error(&client.Error{Code: row.code, Reason: row.reason, Message: "m"})
		for _, s := range sentinels {
			want := false
			for _, is := range row.is {
				want = want || errors.Is(is, s)
			}
			if got := errors.Is(err, s); got != want {
				t.Errorf("%v %s is %v: %v, want %v", row.code, row.reason, s, got, want)
			}
		}
		if status.Code(err) != row.code {
			t.Errorf("status.Code is %v, want %v", status.Code(err), row.code)
		}
	}
}
