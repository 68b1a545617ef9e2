package load

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processMemory reads a process's resident memory from /proc.
func processMemory(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	fields := map[string]*uint64{"VmRSS": &m.RSS, "RssAnon": &m.Anon, "RssFile": &m.File}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, ":")
		if field := fields[name]; ok && field != nil {
			kb, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return m, fmt.Errorf("reading %s of process %d: %w", name, pid, err)
			}
			*field = kb << 10
		}
	}
	return m, nil
}

// diskBytes is what a file takes on disk, which is less than its length where it has holes.
func diskBytes(info fs.FileInfo) uint64 {
	const block = 512 // unit of st_blocks
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Blocks) * block
	}
	return uint64(info.Size())
}
