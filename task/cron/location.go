package cron

import (
	"strings"
	"sync"
	"time"
)

// locations keeps the zones that were asked for; there are a few hundred.
var locations sync.Map

// location returns the zone of a name.
func location(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(name)
	if err != nil || strings.EqualFold(name, "local") { // members' local zones differ
		return nil, wrong("time_zone", "%.80q is unknown: give a name of the IANA's database such as Europe/Berlin or UTC", name)
	}
	locations.Store(name, l)
	return l, nil
}
