package main

import (
	"errors"
	"strconv"
	"strings"
)

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
	text := strconv.FormatUint(uint64(*b), 10)
	for _, unit := range byteUnits[:4] { // the largest of which it is a multiple
		if n := uint64(*b); n%unit.bytes == 0 {
			text = strconv.FormatUint(n/unit.bytes, 10) + unit.suffix
		}
	}
	return text
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
	return errors.New("want a number of bytes such as 512MiB or 2GiB")
}
