package raftfsm

import (
	"time"

	"github.com/rowlock/rowlock/task"
)

// silentPart of the TTL is how often a worker beats at least. One that is late by a step of run as well is silent.
const silentPart = 3

// inherit goes on with a silence that an earlier leader noted. The clocks of two leaders may differ: the worker gets at
// least a third of a TTL to reach this one, and never more than a full one.
func (x *session) inherit(now time.Time, silence, ttl time.Duration) {
	silence = min(max(silence, 0), ttl-ttl/silentPart)
	x.beat = now.Add(-silence)
	x.deadline = x.beat.Add(ttl)
	x.silent = true
}

// silence is for how long a session hasn't been renewed, without the time in which no renewal could arrive.
func (x *session) silence(now time.Time, ttl time.Duration) time.Duration {
	return max(ttl-x.deadline.Sub(now), 0)
}

// mayMark reports whether all members know the command.
func (s *Sessions) mayMark() (may bool) {
	s.read(func(m *task.Machine) { may = m.FeatureLevel() >= task.LevelMarkSilent })
	return may
}

// changed returns the sessions whose worker fell silent, or was heard again, since the log was told. Needs mu.
func (s *Sessions) changed(now time.Time) []task.Silence {
	var list []task.Silence
	for id, x := range s.all {
		silence := x.silence(now, s.ttl)
		change := task.Silence{Session: id}
		switch {
		case x.expiring:
			continue
		case x.silent && x.heard:
		case !x.silent && silence > s.ttl/silentPart+s.ttl/beatPart:
			change.For = silence.Microseconds()
		default:
			continue
		}
		x.silent, x.heard = !x.silent, false
		if list = append(list, change); len(list) == expireBatch {
			break
		}
	}
	return list
}

// mark has the log note who is silent.
func (s *Sessions) mark(term uint64, list []task.Silence) {
	c := &task.MarkSilent{Term: term, Silences: list}
	s.submit([]task.Command{c}, true, func(rs []task.Result, err error) {
		if err != nil || rs[0].Code != task.OK {
			s.unmark(list)
		}
	})
}

// unmark takes back what wasn't noted; the next look tries again.
func (s *Sessions) unmark(list []task.Silence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, change := range list {
		if x := s.all[change.Session]; x != nil {
			x.silent = change.For == 0
			x.heard = x.silent
		}
	}
}
