package cron_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rowlock/rowlock/task/cron"
)

func parse(t *testing.T, s cron.Spec) *cron.Schedule {
	t.Helper()
	p, err := cron.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNext lists the ticks after a moment, as the zone's clock shows them.
func TestNext(t *testing.T) {
	for _, x := range []struct {
		name, expression, zone, after string
		want                          []string // in the zone
	}{
		{"five fields", "30 9 * * mon-fri", "", "2026-01-02T10:00:00Z", []string{"2026-01-05T09:30:00Z", "2026-01-06T09:30:00Z"}},
		{"six fields", "*/20 * * * * *", "", "2026-01-02T10:00:00Z", []string{"2026-01-02T10:00:20Z", "2026-01-02T10:00:40Z", "2026-01-02T10:01:00Z"}},
		{"either day", "0 0 13 * fri", "", "2026-02-01T00:00:00Z", []string{"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"}},
		{"hourly", "@hourly", "", "2026-01-02T10:59:59Z", []string{"2026-01-02T11:00:00Z"}},
		{"monthly", "@monthly", "Europe/Berlin", "2026-03-02T10:59:59Z", []string{"2026-04-01T00:00:00+02:00"}},
		{"yearly", "@yearly", "", "2026-03-02T10:59:59Z", []string{"2027-01-01T00:00:00Z"}},
		{"leap day", "0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"every", "@every 90m", "", "1970-01-01T01:00:00Z", []string{"1970-01-01T01:30:00Z", "1970-01-01T03:00:00Z"}},

		{"Berlin, skipped", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"Berlin, several skipped", "15,45 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"}},
		{"Berlin, skipped onto another", "0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"Berlin, twice", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"Berlin, twice, from between", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", []string{"2026-10-26T02:30:00+01:00"}},
		{"Berlin, twice, every two hours", "0 */2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T04:00:00+01:00"}},
		{"Berlin, all the time, forward", "30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"}},
		{"Berlin, all the time, back", "30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"}},

		{"New York, skipped", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"New York, twice", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
			[]string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},

		{"Lord Howe, skipped by half an hour", "10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:10:00+11:00"}},
		{"Lord Howe, not skipped", "40 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-04T02:40:00+11:00"}},
		{"Lord Howe, twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"Lord Howe, all the time, back", "45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30", "2026-04-05T02:45:00+10:30"}},

		{"Apia, a day that didn't exist", "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z",
			[]string{"2011-12-31T00:00:00+14:00", "2012-12-30T12:00:00+14:00"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := parse(t, cron.Spec{Expression: x.expression, TimeZone: x.zone})
			zone, err := time.LoadLocation(x.zone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range s.NextTimes(at(t, x.after), len(x.want)) {
				got = append(got, n.In(zone).Format(time.RFC3339))
			}
			if fmt.Sprint(got) != fmt.Sprint(x.want) {
				t.Errorf("%s\n got %s\nwant %s", x.expression, got, x.want)
			}
		})
	}
}

// TestBounds keeps ticks between start and end; @every counts from the start.
func TestBounds(t *testing.T) {
	start := at(t, "2026-01-02T10:00:07Z")
	s := parse(t, cron.Spec{Expression: "@every 1h", Start: start, End: start.Add(2 * time.Hour)})
	if got := s.NextTimes(at(t, "2020-01-01T00:00:00Z"), 5); len(got) != 3 || !got[0].Equal(start) || !got[2].Equal(start.Add(2*time.Hour)) {
		t.Errorf("got %v", got)
	}
	s = parse(t, cron.Spec{Expression: "@hourly", Start: start})
	if got, _ := s.Next(time.Time{}); !got.Equal(at(t, "2026-01-02T11:00:00Z")) {
		t.Errorf("first tick at %v", got)
	}
}

// TestErrors names the field and says how to mend it.
func TestErrors(t *testing.T) {
	now := time.Now()
	for want, spec := range map[string]cron.Spec{
		"expression is required":            {},
		"expression \"* * *\" can't":        {Expression: "* * *"},
		"expression \"61 * * * *\" can't":   {Expression: "61 * * * *"},
		"expression \"@reboot\" can't":      {Expression: "@reboot"},
		"never fires":                       {Expression: "0 0 30 2 *"},
		"names a time zone":                 {Expression: "TZ=UTC 0 0 * * *"},
		"@every needs a duration":           {Expression: "@every day"},
		"must be whole seconds":             {Expression: "@every 1500ms"},
		"may have at most 256":              {Expression: strings.Repeat("1,", 200) + "1 * * * *"},
		"time_zone \"Europe/Bern\"":         {Expression: "@daily", TimeZone: "Europe/Bern"},
		"time_zone \"Local\" is unknown":    {Expression: "@daily", TimeZone: "Local"},
		"jitter must be":                    {Expression: "@daily", Jitter: -1},
		"end is before start":               {Expression: "@daily", Start: now, End: now.Add(-1)},
		"time_zone \"../../etc/passwd\" is": {Expression: "@daily", TimeZone: "../../etc/passwd"},
	} {
		_, err := cron.Parse(spec)
		var field *cron.FieldError
		if !errors.As(err, &field) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", spec, err, want)
		}
	}
}

// TestProperties: ticks ascend, are found again from any moment before them, and jitter keeps their order.
func TestProperties(t *testing.T) {
	zones := []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"}
	expressions := []string{"*/7 * * * *", "30 2 * * *", "0 0 * * *", "15 1,2,3 * * sun", "@every 47s", "0 */3 1-7 * *", "*/13 */5 * * * *"}
	rapid.Check(t, func(t *rapid.T) {
		s, err := cron.Parse(cron.Spec{
			Expression: rapid.SampledFrom(expressions).Draw(t, "expression"), TimeZone: rapid.SampledFrom(zones).Draw(t, "zone"),
			Jitter: time.Duration(rapid.IntRange(0, 3600).Draw(t, "jitter")) * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		after := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "after"), 0)
		times := s.NextTimes(after, 20)
		if len(times) != 20 || !times[0].After(after) {
			t.Fatalf("after %v: %v", after, times)
		}
		for i := 1; i < len(times); i++ {
			if !times[i].After(times[i-1]) {
				t.Fatalf("%v doesn't come after %v", times[i], times[i-1])
			}
			between := times[i-1].Add(time.Duration(rapid.Int64Range(0, int64(times[i].Sub(times[i-1]))-1).Draw(t, "between")))
			if again, _ := s.Next(between); !again.Equal(times[i]) {
				t.Fatalf("from %v on %v comes next, from %v on %v", times[i-1], times[i], between, again)
			}
			due := s.Due("job", times[i-1])
			if due.Before(times[i-1]) || !due.Before(times[i]) || !due.Equal(s.Due("job", times[i-1])) {
				t.Fatalf("tick %v is due at %v, before it or not before %v", times[i-1], due, times[i])
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	s, err := cron.Parse(cron.Spec{Expression: "30 2 * * mon-fri", TimeZone: "Europe/Berlin", Jitter: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	for b.Loop() {
		next, _ := s.Next(now)
		s.Due("job", next)
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := cron.Parse(cron.Spec{Expression: "30 2 * * mon-fri", TimeZone: "Europe/Berlin"}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse feeds the parser arbitrary text: it doesn't panic, and what it takes fires.
func FuzzParse(f *testing.F) {
	for _, e := range []string{"* * * * *", "*/5 1-3,7 L * FRI#2", "@every 3s", "22-2/2 * ? * 7", "0 0 29 2 *"} {
		f.Add(e, "UTC")
	}
	f.Fuzz(func(t *testing.T, expression, zone string) {
		s, err := cron.Parse(cron.Spec{Expression: expression, TimeZone: zone})
		if err != nil {
			return
		}
		now := time.Unix(1_800_000_000, 0)
		if next, ok := s.Next(now); !ok || !next.After(now) || next.Nanosecond() != 0 {
			t.Fatalf("%q in %q: %v %v", expression, zone, next, ok)
		}
	})
}
