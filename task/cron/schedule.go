package cron

import (
	"encoding/binary"
	"fmt"
	"time"
	_ "time/tzdata" // containers often have none

	"github.com/cespare/xxhash/v2"
)

// MaxJitter is the largest bound of jitter that is taken.
const MaxJitter = 24 * time.Hour

// Spec is when a schedule fires, as its owner wrote it.
type Spec struct {
	Expression string
	TimeZone   string        // of the IANA's database; empty: UTC
	Jitter     time.Duration // by how much at most a tick comes later than its nominal time
	Start      time.Time     // no tick before; zero: none
	End        time.Time     // no tick after; zero: none
}

// FieldError says which field of a Spec is wrong, and how to mend it.
type FieldError struct {
	Field   string // expression, time_zone, jitter, start or end
	Problem string
}

func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

func wrong(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// rule finds the first time after another; the zero time: there is none.
type rule interface {
	next(after time.Time) time.Time
}

// Schedule is a parsed Spec. It is safe for concurrent use.
type Schedule struct {
	spec Spec
	rule rule
}

// Parse reads a Spec. Errors are *FieldError.
func Parse(spec Spec) (*Schedule, error) {
	zone, err := location(spec.TimeZone)
	if err != nil {
		return nil, err
	}
	switch {
	case spec.Jitter < 0 || spec.Jitter > MaxJitter:
		return nil, wrong("jitter", "must be 0 to 24 hours")
	case !spec.End.IsZero() && spec.End.Before(spec.Start):
		return nil, wrong("end", "is before start: no tick would ever fire")
	}
	r, err := parseRule(spec, zone)
	if err != nil {
		return nil, err
	}
	return &Schedule{spec: spec, rule: r}, nil
}

// Next returns the first nominal time after another, in UTC and in whole seconds; false: there is none.
func (s *Schedule) Next(after time.Time) (time.Time, bool) {
	if first := s.spec.Start.Add(-time.Nanosecond); !s.spec.Start.IsZero() && after.Before(first) {
		after = first
	}
	at := s.rule.next(after)
	if at.IsZero() || !s.spec.End.IsZero() && at.After(s.spec.End) {
		return time.Time{}, false
	}
	return at.UTC(), true
}

// Due is when the tick of a nominal time fires: up to the bound of jitter later, but before the next tick. It is the same
// wherever it is asked for.
func (s *Schedule) Due(name string, nominal time.Time) time.Time {
	bound := s.spec.Jitter.Microseconds()
	if bound == 0 {
		return nominal
	}
	if next, ok := s.Next(nominal); ok {
		bound = min(bound, next.Sub(nominal).Microseconds()-1)
	}
	h := xxhash.Sum64(binary.BigEndian.AppendUint64([]byte(name), uint64(nominal.Unix())))
	return nominal.Add(time.Duration(h%uint64(bound+1)) * time.Microsecond)
}

// NextTimes returns up to n nominal times after another.
func (s *Schedule) NextTimes(after time.Time, n int) []time.Time {
	var times []time.Time
	for len(times) < n {
		at, ok := s.Next(after)
		if !ok {
			break
		}
		times = append(times, at)
		after = at
	}
	return times
}
