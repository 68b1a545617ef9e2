package cron

import (
	"strings"
	"time"

	netcron "github.com/netresearch/go-cron"
)

const (
	// maxExpression is how long an expression may be, in bytes.
	maxExpression = 256
	// maxEvery is the longest duration of @every.
	maxEvery = 366 * 24 * time.Hour
	// searchYears is how far the next time is looked for: 29 February may be eight years away.
	searchYears = 9
	// maxSegments bounds how many changes of a zone's offset are looked at within searchYears.
	maxSegments = 64

	everyHour = 1<<24 - 1
)

// grammar is what an expression may be, for error messages.
const grammar = `want 5 or 6 fields such as "30 9 * * mon-fri", or @hourly, @daily, @weekly, @monthly, @yearly or "@every 90s"`

func parseRule(spec Spec, zone *time.Location) (rule, error) {
	text := strings.TrimSpace(spec.Expression)
	switch {
	case text == "":
		return nil, wrong("expression", "is required: %s", grammar)
	case len(text) > maxExpression:
		return nil, wrong("expression", "has %d bytes, but may have at most %d", len(text), maxExpression)
	case strings.Contains(text, "TZ="):
		return nil, wrong("expression", "%q names a time zone: give that in time_zone", text)
	}
	if d, ok := strings.CutPrefix(text, "@every"); ok {
		return parseEvery(strings.TrimSpace(d), spec.Start)
	}
	parser := netcron.MustNewParser(netcron.SecondOptional | netcron.Minute | netcron.Hour | netcron.Dom | netcron.Month |
		netcron.Dow | netcron.Descriptor | netcron.DowOrDom).WithMaxSearchYears(searchYears)
	parsed, err := parser.Parse(text)
	if err != nil {
		return nil, wrong("expression", "%q can't be read: %v; %s", text, err, grammar)
	}
	fields, ok := parsed.(*netcron.SpecSchedule)
	if !ok {
		return nil, wrong("expression", "%q can't be read: %s", text, grammar)
	}
	fields.MaxSearchYears, fields.DowOrDom = searchYears, true
	c := &calendar{fields: fields, zone: zone, elapsed: fields.Hour&everyHour == everyHour}
	if c.fields.Next(time.Unix(0, 0).UTC()).IsZero() {
		return nil, wrong("expression", "%q never fires: no such day comes in %d years", text, searchYears)
	}
	return c, nil
}

func parseEvery(text string, start time.Time) (rule, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, wrong("expression", "@every needs a duration such as 30s, 15m or 1h30m, not %q", text)
	}
	if d < time.Second || d > maxEvery || d%time.Second != 0 {
		return nil, wrong("expression", "@every %s must be whole seconds, from 1s to %s", text, maxEvery)
	}
	anchor := time.Unix(0, 0)
	if !start.IsZero() {
		anchor = start.Add(time.Second - 1).Truncate(time.Second)
	}
	return every{anchor: anchor.Unix(), period: int64(d / time.Second)}, nil
}

// every fires at the multiples of a period since an anchor, both in seconds.
type every struct{ anchor, period int64 }

func (e every) next(after time.Time) time.Time {
	passed := after.Unix() - e.anchor // rounded down, which the sum below makes up for
	n := passed / e.period
	if passed < 0 && passed%e.period != 0 {
		n--
	}
	return time.Unix(e.anchor+(n+1)*e.period, 0)
}

// calendar fires at the times of a wall clock that match fields.
//
// The fields are matched against the clock's reading as if it were UTC, one stretch of constant offset after the other: what
// happens where the offset changes is decided here alone.
type calendar struct {
	fields  *netcron.SpecSchedule
	zone    *time.Location
	elapsed bool // every hour: what the clock skips is skipped, what it repeats is repeated
}

func (c *calendar) next(after time.Time) time.Time {
	at := after.In(c.zone)
	reading := wall(at) // the clock must show more
	for range maxSegments {
		start, end := at.ZoneBounds()
		if seen := repeatedUntil(start); !c.elapsed && reading.Before(seen) {
			reading = seen.Add(-time.Nanosecond)
		}
		match := c.fields.Next(reading)
		if match.IsZero() {
			return match
		}
		found := match.Add(wallLag(at))
		if end.IsZero() || found.Before(end) {
			return found
		}
		at = end.In(c.zone)
		reading = wall(at)
		if !c.elapsed && match.Before(reading) { // the clock skips it
			return at
		}
		reading = reading.Add(-time.Nanosecond)
	}
	return time.Time{}
}

// wall is what a clock shows, as if it were UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// wallLag is what has to be added to wall to get the time.
func wallLag(t time.Time) time.Duration {
	_, offset := t.Zone()
	return -time.Duration(offset) * time.Second
}

// repeatedUntil is the reading that the clock had already come to when a stretch began.
func repeatedUntil(start time.Time) time.Time {
	if start.IsZero() {
		return start
	}
	before := start.Add(-time.Nanosecond)
	return start.UTC().Add(-wallLag(before))
}
