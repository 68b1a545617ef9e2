package client_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
)

// TestSchedules goes through the calls for schedules against a real server.
func TestSchedules(t *testing.T) {
	ctx := t.Context()
	c := connect()
	defer c.Close()
	s := c.Schedules()
	start := time.Now().Add(time.Hour).Truncate(time.Second)
	options := []client.ScheduleOption{
		client.InZone("America/New_York"), client.WithJitter(time.Minute), client.StartingAt(start), client.EndingAt(start.AddDate(1, 0, 0)),
		client.CatchUp(3), client.MisfireGrace(5 * time.Minute), client.OnOverlap(client.OverlapQueueOne), client.KeepTicks(7),
		client.TaskOptions(client.Queue("sdk-schedules"), client.MaxAttempts(2)),
	}
	preview, err := s.Put(ctx, "sdk-a", "0 6 * * *", Report{}, append(options, client.PreviewOnly())...)
	if err != nil || len(preview.NextTimes) != 5 {
		t.Fatalf("preview %+v: %v", preview, err)
	}
	if _, err := s.Get(ctx, "sdk-a"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a preview stored something: %v", err)
	}
	if _, err := s.Put(ctx, "sdk-a", "0 6 * * *", Report{}, append(options, client.StartPaused())...); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(ctx, "sdk-a")
	if err != nil || !got.Paused || !got.NextAt.IsZero() || got.TimeZone != "America/New_York" || got.Jitter != time.Minute || !got.StartAt.Equal(start) ||
		got.Misfire != client.MisfireCatchUp || got.CatchUp != 3 || got.Grace != 5*time.Minute || got.Overlap != client.OverlapQueueOne ||
		got.HistoryTicks != 7 || got.Queue != "sdk-schedules" || got.Kind != "report" || got.Revision != 1 {
		t.Errorf("got %+v: %v", got, err)
	}
	if err := s.Resume(ctx, "sdk-a"); err != nil {
		t.Fatal(err)
	}
	id, err := s.Trigger(ctx, "sdk-a")
	if err != nil || id == "" {
		t.Fatalf("triggered %q: %v", id, err)
	}
	if second, err := s.Trigger(ctx, "sdk-a"); err != nil || second != "" {
		t.Errorf("a trigger that waits: %q, %v", second, err)
	}
	if task, err := c.Get(ctx, id); err != nil || task.Schedule != "sdk-a" || task.NominalAt.IsZero() {
		t.Errorf("its task %+v: %v", task, err)
	}
	ticks, _, err := s.HistoryPage(ctx, "sdk-a", "", 10)
	if err != nil || len(ticks) != 2 || ticks[0].Outcome != "queued" || ticks[1].TaskID != id || ticks[1].Origin != "trigger" {
		t.Errorf("history %+v: %v", ticks, err)
	}
	if made, err := s.Backfill(ctx, "sdk-a", client.Backfill{From: start.AddDate(0, 0, -2)}); err != nil || len(made) != 0 {
		t.Errorf("a backfill of before the start: %+v, %v", made, err)
	}
	if err := s.Pause(ctx, "sdk-a"); err != nil {
		t.Error(err)
	}
	var names []string
	for x, err := range s.List(ctx, "sdk-") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, x.Name)
	}
	if len(names) != 1 || names[0] != "sdk-a" {
		t.Errorf("listed %q", names)
	}
	if err := s.Delete(ctx, "sdk-a"); err != nil {
		t.Error(err)
	}
	if err := s.Delete(ctx, "sdk-a"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	for _, o := range []client.ScheduleOption{client.OnMisfire("never"), client.OnOverlap("never"), client.InZone("Mars"), client.CatchUp(0)} {
		if _, err := s.Put(ctx, "sdk-b", "@daily", Report{}, o); !errors.Is(err, client.ErrInvalid) {
			t.Errorf("a wrong option: %v", err)
		}
	}
}
