package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestAnswer: only a yes is a yes, and Ctrl-C ends the question.
func TestAnswer(t *testing.T) {
	for text, want := range map[string]bool{"y\n": true, "Yes \n": true, "y": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		if got, err := answer(t.Context(), strings.NewReader(text)); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	from, to := io.Pipe()
	defer to.Close()
	interrupt()
	if yes, err := answer(ctx, from); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v, %v", yes, err)
	}
}
