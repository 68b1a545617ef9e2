package doctor

import "time"

// lateProof is how old the last backup that was proven may be: daily ones of which one failed, and some time.
const lateProof = 50 * time.Hour

// newest is the highest value that a member tells of a metric; false: none does.
func (d *Doctor) newest(name string) (value float64, known bool) {
	for _, m := range d.members {
		if v, ok := m.values.gauge(name); ok {
			value, known = max(value, v), true
		}
	}
	return value, known
}

// proofs tells backups that lie at the destination from those that a trial restore has shown to restore, and judges how far the log is
// proved.
func (d *Doctor) proofs() {
	verified, known := d.newest("rowlock_backup_last_verified_timestamp_seconds")
	restores, tells := d.newest("rowlock_backup_trial_restores")
	switch {
	case !known:
	case !d.late(verified):
		d.good("backup", "proof", "a trial restore succeeded with the one of %s ago", span(d.since(verified)))
	case tells && restores == 0:
		d.add(Warning, "backup", "proof", "give the servers --backup-identity, or run 'rowlock backup verify --from DESTINATION --identity FILE' every day where the key is",
			"backups are stored as they were sent, but encrypted: no trial restore has shown in the last two days that they restore")
	default:
		d.add(Warning, "backup", "proof", "see the leader's log, and try: rowlock backup verify --from DESTINATION", "no trial restore of a backup of the last two days has succeeded")
	}
	if log, known := d.newest("rowlock_backup_log_verified_timestamp_seconds"); known && d.late(log) && restores != 0 {
		d.add(Warning, "backup", "log", "see what is missing: rowlock backup verify --log --from DESTINATION",
			"no trial replay of the archived log has succeeded up to the last two days: moments between backups may not be restorable")
	}
}

// late reports whether a time is too long ago, or was never.
func (d *Doctor) late(unix float64) bool { return unix == 0 || d.since(unix) > lateProof }

func (d *Doctor) since(unix float64) time.Duration {
	return max(0, d.Now().Sub(time.Unix(int64(unix), 0)))
}
