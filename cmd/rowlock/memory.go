package main

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// defaultGCPercent trades processor time for memory: see docs/adr for what was measured.
const defaultGCPercent = 75

// memoryFlags tune the garbage collector of a server.
type memoryFlags struct {
	p         *program
	gcPercent int
	limit     byteSize
}

func (p *program) memoryFlags(cmd *cobra.Command) *memoryFlags {
	m := &memoryFlags{p: p}
	cmd.Flags().IntVar(&m.gcPercent, "gc-percent", defaultGCPercent, "heap growth in percent that starts a garbage collection; GOGC goes before it")
	cmd.Flags().Var(&m.limit, "memory-limit", "memory that the garbage collector tries to stay within, such as 2GiB; GOMEMLIMIT goes before it")
	settings(cmd.Flags(), "gc-percent", "memory-limit")
	return m
}

// apply sets what Go's own variables don't, which the runtime has read already.
func (m *memoryFlags) apply() error {
	if m.gcPercent < 10 {
		return usagef("--gc-percent %d: want at least 10", m.gcPercent)
	}
	if m.p.getenv("GOGC") == "" {
		debug.SetGCPercent(m.gcPercent)
	}
	if m.limit > 0 && m.p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(m.limit))
	}
	return nil
}

// byteSize is a flag for a number of bytes: 268435456, 256MiB, 2GiB.
type byteSize uint64

var byteUnits = []struct {
	suffix string
	bytes  uint64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}, {"", 1}}

// String implements pflag.Value.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(*b), 10)
}

// Type implements pflag.Value.
func (b *byteSize) Type() string { return "bytes" }

// Set implements pflag.Value.
func (b *byteSize) Set(s string) error {
	for _, unit := range byteUnits {
		number, ok := strings.CutSuffix(s, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 63)
		if err != nil || n > (1<<62)/unit.bytes {
			break
		}
		*b = byteSize(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("want a number of bytes such as 512MiB or 2GiB")
}
