package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/raftfsm"
)

// autoVacuumFlags say when a server compacts its files by itself.
type autoVacuumFlags struct {
	free  int
	least byteSize
	every time.Duration
	rate  byteSize
}

func (v *autoVacuumFlags) add(flags *pflag.FlagSet) {
	v.least, v.rate = 256<<20, 32<<20
	flags.IntVar(&v.free, "vacuum-free", 50, "give free pages back when they are this percentage of the state file or the log, 1 to 99; 0 is never")
	flags.Var(&v.least, "vacuum-min-size", "vacuum no file that has less than so many bytes")
	flags.DurationVar(&v.every, "vacuum-every", 6*time.Hour, "vacuum a file no sooner after the last time, at least 1m")
	flags.Var(&v.rate, "vacuum-rate", "vacuum at most so many bytes in a second, at least 1MiB")
	settings(flags, "vacuum-free", "vacuum-min-size", "vacuum-every", "vacuum-rate")
}

func (v *autoVacuumFlags) check() error {
	switch {
	case v.free < 0 || v.free > 99:
		return usagef("--vacuum-free %d: want a percentage from 1 to 99, or 0 for never", v.free)
	case v.every < time.Minute:
		return usagef("--vacuum-every %s: want at least 1m", v.every)
	case v.rate < 1<<20:
		return usagef("--vacuum-rate: want at least 1MiB")
	}
	return nil
}

// config is that of the node, where 0 is the default.
func (v *autoVacuumFlags) config() raftfsm.VacuumConfig {
	c := raftfsm.VacuumConfig{FreePercent: v.free, MinBytes: max(1, uint64(v.least)), Every: v.every, BytesPerSecond: int64(v.rate)}
	if v.free == 0 {
		c.FreePercent = -1
	}
	return c
}
