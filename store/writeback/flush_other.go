//go:build !linux

package writeback

import "os"

// flush leaves it to the system when to write.
func flush(*os.File, int64, int64, int64) error { return nil }
