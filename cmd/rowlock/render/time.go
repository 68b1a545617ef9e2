package render

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// stamp returns a time in UTC, or nil where it isn't set.
func stamp(ts *timestamppb.Timestamp) *time.Time {
	if ts == nil || (ts.GetSeconds() == 0 && ts.GetNanos() == 0) {
		return nil
	}
	t := ts.AsTime()
	return &t
}

// Clock shows a time to people, with how far away it is; "" where it isn't set.
func Clock(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	if d := now.Sub(*t); d >= 0 {
		return fmt.Sprintf("%s (%s ago)", t.Format(time.RFC3339), Span(d))
	}
	return fmt.Sprintf("%s (in %s)", t.Format(time.RFC3339), Span(t.Sub(now)))
}

// age shows how long ago a time was, or "-".
func age(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	return Span(max(now.Sub(*t), 0))
}

// Span shows a duration to people, with two figures at most: 45s, 3m12s, 5h20m, 3d4h.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < day:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", d/day, int(d.Hours())%24)
}

func seconds(s float64) string {
	if s == 0 {
		return ""
	}
	return Span(time.Duration(s * float64(time.Second)))
}
