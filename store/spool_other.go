//go:build !linux

package store

import "os"

// giveBack leaves it to closing the file.
func giveBack(*os.File, int64, int64) {}
