package client

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
)

// A caller that has waited for a group without a leader is back soon after it has one, and not sooner than an overloaded
// server wants it.
func TestRetryPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retrier{bound: time.Minute}
		pause := func(e *Error) time.Duration {
			begin := time.Now()
			if err := r.wait(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			return time.Since(begin)
		}
		for range 50 {
			if got := pause(&Error{Code: codes.Unavailable}); got <= 0 || got > 250*time.Millisecond {
				t.Errorf("a pause of %s, want more than 0 and at most 250ms", got)
			}
		}
		if got := pause(&Error{Code: codes.ResourceExhausted, RetryAfter: 5 * time.Second}); got != 5*time.Second {
			t.Errorf("a pause of %s, want the 5s that the server asked for", got)
		}
	})
}
