package main

import (
	"math/rand/v2"
)

// save backs the group up while it works.
func (r *run) save(random *rand.Rand) error {
	t := newTrouble(random)
	r.say("backup save %s", t)
	return r.during(t, func() error {
		return r.operateOr([]int{failed, refused, unavailable}, "backup", "save", "--to", r.dest)
	})
}

// archiveLog archives the log by a command, beside the leader that does so all the time.
func (r *run) archiveLog(random *rand.Rand) error {
	t := newTrouble(random)
	r.say("backup log %s", t)
	return r.during(t, func() error {
		return r.operateOr([]int{failed, refused, unavailable}, "backup", "log", "--to", r.dest)
	})
}

// verifyBackup proves the newest full backup.
func (r *run) verifyBackup(*rand.Rand) error {
	return r.operateOr([]int{notFound}, "backup", "verify", "latest", "--from", r.dest)
}

// prune removes what isn't needed any more.
func (r *run) prune(*rand.Rand) error {
	return r.operateOr(nil, "backup", "prune", "--from", r.dest, "--keep-last", "2", "--yes")
}

// drill restores a backup beside and compares the states' hashes.
func (r *run) drill(*rand.Rand) error {
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	return r.operateOr([]int{refused, unavailable}, "backup", "drill")
}
