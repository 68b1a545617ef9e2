package backups

import (
	"cmp"
	"slices"

	"github.com/rowlock/rowlock/store/archive"
)

// prunedLine is what there is of a timeline that may be needed.
type prunedLine struct {
	fulls []*Decision // that can be opened
	logs  []*Decision
}

// keepLogs decides on log archives, once it is known which full backups stay, and keeps those that such logs begin with.
//
// Invariant: every moment behind the oldest full backup that stays can be restored, if it could be before.
func keepLogs(all []Decision) {
	oldest := oldestKept(all)
	lines := map[string]*prunedLine{}
	line := func(d *Decision) *prunedLine {
		if lines[d.Timeline] == nil {
			lines[d.Timeline] = &prunedLine{}
		}
		return lines[d.Timeline]
	}
	for i := range all {
		d := &all[i]
		switch {
		case d.Kind == archive.Full:
			if d.Err == nil && inTime(d, oldest) >= 0 {
				line(d).fulls = append(line(d).fulls, d)
			}
		case inTime(d, oldest) <= 0:
			d.Remove, d.Why = true, "no full backup that is kept needs it"
		default:
			d.Why = "behind a full backup that is kept"
			if d.Timeline != oldest.Timeline {
				d.Why = "of a later timeline than a full backup that is kept"
			}
			line(d).logs = append(line(d).logs, d)
		}
	}
	for _, l := range lines {
		l.keepBases()
	}
}

// oldestKept is the full backup that stays and can be opened from which the fewest entries were executed. There is one.
func oldestKept(all []Decision) (oldest *Decision) {
	for i := range all {
		d := &all[i]
		if d.Kind == archive.Full && d.Err == nil && !d.Remove && (oldest == nil || inTime(d, oldest) < 0) {
			oldest = d
		}
	}
	return oldest
}

// inTime compares where archives end.
func inTime(a, b *Decision) int {
	return cmp.Or(cmp.Compare(a.Timeline, b.Timeline), cmp.Compare(a.Index, b.Index))
}

// keepBases keeps each full backup behind which there are logs to which no other one leads that stays: without it these would be
// of no use.
func (l *prunedLine) keepBases() {
	slices.SortFunc(l.fulls, inTime)
	slices.SortFunc(l.logs, func(a, b *Decision) int { return cmp.Compare(a.First, b.First) })
	covered := uint64(0)
	for _, d := range l.fulls {
		reach := l.reach(d.Index)
		if d.Remove && d.Index > covered && reach > d.Index {
			d.Remove, d.Why = false, "log archives that are kept begin with it"
		}
		if !d.Remove {
			covered = max(covered, reach)
		}
	}
}

// reach is the last entry up to which the logs go on behind an entry, without a gap.
func (l *prunedLine) reach(from uint64) uint64 {
	for _, g := range l.logs {
		if g.First > from+1 {
			break
		}
		from = max(from, g.Index)
	}
	return from
}
