package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// limitFlags are the flags of 'queue set' that limit a queue and share it out.
type limitFlags struct {
	maxRunning    string
	rate          string
	burst         uint32
	keyMaxRunning string
	keyRate       string
	keyBurst      uint32
	weights       []string
	aging         time.Duration
	sticky        time.Duration
}

// noLimit takes a limit away.
const noLimit = "none"

func (l *limitFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&l.maxRunning, "max-running", "", "how many tasks run at a time, or none for no limit")
	flags.StringVar(&l.rate, "rate", "", "how fast tasks start, such as 100/s, 5/m, 1000/h or 3/10s, or none for no limit")
	flags.Uint32Var(&l.burst, "rate-burst", 0, "how many may start at once after a pause (default: the number in --rate)")
	flags.StringVar(&l.keyMaxRunning, "key-max-running", "", "how many tasks of one fair key run at a time, or none")
	flags.StringVar(&l.keyRate, "key-rate", "", "how fast tasks of one fair key start, or none")
	flags.Uint32Var(&l.keyBurst, "key-rate-burst", 0, "how many of one fair key may start at once after a pause")
	flags.StringSliceVar(&l.weights, "fair-weight", nil, "tasks of a fair key in one turn, key=n,…; replaces all weights; none for 1 each")
	flags.DurationVar(&l.aging, "priority-aging", 0, "the wait that makes up for one priority; 0s is strict priorities")
	flags.DurationVar(&l.sticky, "sticky-wait", 0, "how long a task waits for the worker of its sticky key (default 5s)")
}

// apply sets the settings whose flags were given, and names them.
func (l *limitFlags) apply(flags *pflag.FlagSet, request *rowlockv1.SetQueueRequest) (err error) {
	s := request.GetSettings()
	name := func(flag, field string) bool {
		if flags.Changed(flag) {
			request.Fields = append(request.Fields, field)
		}
		return flags.Changed(flag)
	}
	if name("max-running", "max_running") {
		if s.MaxRunning, err = limit("max-running", l.maxRunning); err != nil {
			return err
		}
	}
	if name("key-max-running", "key_max_running") {
		if s.KeyMaxRunning, err = limit("key-max-running", l.keyMaxRunning); err != nil {
			return err
		}
	}
	if name("rate", "rate") {
		if s.Rate, err = rate("rate", l.rate, l.burst); err != nil {
			return err
		}
	} else if flags.Changed("rate-burst") {
		return usagef("--rate-burst is for --rate")
	}
	if name("key-rate", "key_rate") {
		if s.KeyRate, err = rate("key-rate", l.keyRate, l.keyBurst); err != nil {
			return err
		}
	} else if flags.Changed("key-rate-burst") {
		return usagef("--key-rate-burst is for --key-rate")
	}
	if name("priority-aging", "priority_aging_seconds") {
		if l.aging < 0 {
			return usagef("--priority-aging %s: want 0s or more", l.aging)
		}
		s.PriorityAgingSeconds = l.aging.Seconds()
	}
	if name("sticky-wait", "sticky_wait_seconds") {
		if l.sticky < 0 {
			return usagef("--sticky-wait %s: want 0s or more; 0s is the default", l.sticky)
		}
		s.StickyWaitSeconds = l.sticky.Seconds()
	}
	if name("fair-weight", "fair_weights") {
		s.FairWeights, err = fairWeights(l.weights)
	}
	return err
}

func limit(flag, text string) (uint32, error) {
	if text == noLimit {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return 0, usagef("--%s %q: want a number from 1 on, or none for no limit; 'rowlock queue pause' stops a queue", flag, text)
	}
	return uint32(n), nil
}

// rate reads N/unit or N/duration.
func rate(flag, text string, burst uint32) (*rowlockv1.Rate, error) {
	if text == noLimit {
		return nil, nil
	}
	number, per, ok := strings.Cut(text, "/")
	n, err := strconv.ParseUint(number, 10, 32)
	if per != "" && (per[0] < '0' || per[0] > '9') {
		per = "1" + per
	}
	d, perErr := time.ParseDuration(per)
	if !ok || err != nil || n == 0 || perErr != nil || d <= 0 {
		return nil, usagef("--%s %q: want tasks by time, such as 100/s, 5/m or 3/10s, or none for no limit", flag, text)
	}
	return &rowlockv1.Rate{Tasks: uint32(n), PerSeconds: d.Seconds(), Burst: burst}, nil
}

func fairWeights(list []string) (map[string]uint32, error) {
	if len(list) == 1 && list[0] == noLimit {
		return nil, nil
	}
	weights := map[string]uint32{}
	for _, item := range list {
		i := strings.LastIndex(item, "=")
		n, err := strconv.ParseUint(item[i+1:], 10, 32)
		if i < 0 || err != nil || n == 0 {
			return nil, usagef("--fair-weight %q: want a fair key and its weight, such as acme=5", item)
		}
		weights[item[:i]] = uint32(n)
	}
	return weights, nil
}
