package main

import "testing"

// TestSilent: a server that hangs is not taken for a wrong port, and a wrong port not for a server that hangs.
func TestSilent(t *testing.T) {
	for message, want := range map[string]bool{
		`connection error: desc = "error reading server preface: read tcp 127.0.0.1:1->127.0.0.1:2: i/o timeout"`:                      true,
		`connection error: desc = "error reading server preface: context deadline exceeded"`:                                           true,
		`connection error: desc = "error reading server preface: read tcp 127.0.0.1:1->127.0.0.1:2: use of closed network connection"`: true,
		`connection error: desc = "error reading server preface: http2: frame too large, note that the frame header looked like HTTP"`: false,
		`connection error: desc = "error reading server preface: EOF"`:                                                                 false,
	} {
		if got := silent(message); got != want {
			t.Errorf("%s: silent is %v", message, got)
		}
	}
}
