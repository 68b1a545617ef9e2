package store

import "os"

// Close ends the process, which is not for it to decide.
func Close() { os.Exit(1) }
