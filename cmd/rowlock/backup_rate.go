package main

import (
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/store"
)

// backupRate is how much of a member a backup may take.
type backupRate struct{ rate byteSize }

func (b *backupRate) add(flags *pflag.FlagSet) {
	b.rate = store.DefaultBackupRate
	flags.Var(&b.rate, "backup-rate", "while this member is busy writing its log, copy the state for backups at so many bytes in a second; "+
		"the less it writes the faster they go; 0 is always at full speed")
	settings(flags, "backup-rate")
}

func (b *backupRate) check() error { return checkRate("backup-rate", b.rate) }

// checkRate says what is wrong with a bound on the speed of backups.
func checkRate(flag string, rate byteSize) error {
	if rate > 0 && rate < store.MinBackupRate {
		return usagef("--%s %d: want at least 1MiB, or 0 for no bound", flag, uint64(rate))
	}
	return nil
}

// config is that of the node, where 0 is the default.
func (b *backupRate) config() int64 {
	if b.rate == 0 {
		return -1
	}
	return int64(b.rate)
}
