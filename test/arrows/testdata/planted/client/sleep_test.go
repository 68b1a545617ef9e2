package client_test

import (
	_ "m/raftfsm"
	"testing"
	"time"
)

func TestSleep(*testing.T) {
	time.Sleep(1)
}
