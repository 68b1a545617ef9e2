package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// backoffFlags say how long a failed task waits for its next attempt.
type backoffFlags struct {
	initial    time.Duration
	maximum    time.Duration
	multiplier float64
	delays     []time.Duration
}

var backoffNames = [...]string{"backoff-initial", "backoff-maximum", "backoff-multiplier", "retry-delays"}

func (b *backoffFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&b.initial, "backoff-initial", 0, "wait of a task after its first failure, of which half is random")
	flags.DurationVar(&b.maximum, "backoff-maximum", 0, "longest wait after a failure")
	flags.Float64Var(&b.multiplier, "backoff-multiplier", 0, "factor between two waits, at least 1")
	flags.DurationSliceVar(&b.delays, "retry-delays", nil, "fixed waits instead, such as 1s,10s,1m; the last one repeats")
}

func (b *backoffFlags) changed(flags *pflag.FlagSet) bool {
	for _, name := range backoffNames {
		if flags.Changed(name) {
			return true
		}
	}
	return false
}

// value returns the backoff that the flags describe; nil: none of them was given.
func (b *backoffFlags) value(flags *pflag.FlagSet) (*rowlockv1.Backoff, error) {
	if !b.changed(flags) {
		return nil, nil
	}
	for _, name := range backoffNames[:3] {
		if err := atMostOne(flags, "retry-delays", name); err != nil {
			return nil, err
		}
	}
	if b.multiplier != 0 && b.multiplier < 1 {
		return nil, usagef("--backoff-multiplier %g: want at least 1", b.multiplier)
	}
	for _, d := range b.delays {
		if d < 0 {
			return nil, usagef("--retry-delays: a wait of %s: want 0s or more", d)
		}
	}
	for i, d := range []time.Duration{b.initial, b.maximum} {
		if d < 0 {
			return nil, usagef("--%s %s: want 0s or more", backoffNames[i], d)
		}
	}
	backoff := &rowlockv1.Backoff{InitialSeconds: b.initial.Seconds(), MaximumSeconds: b.maximum.Seconds(), Multiplier: b.multiplier}
	for _, d := range b.delays {
		backoff.DelaysSeconds = append(backoff.DelaysSeconds, d.Seconds())
	}
	return backoff, nil
}
