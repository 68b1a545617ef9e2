package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// shareOf is a log that is written for a share of the time, in percent.
func shareOf(percent int64) func(time.Time) time.Duration {
	begin := time.Now()
	return func(now time.Time) time.Duration { return now.Sub(begin) * time.Duration(percent) / 100 }
}

// copied is how long it takes a number of bytes to pass, a step at a time, in the synthetic time of synctest.
func copied(t *testing.T, p *Pacer, bytes int) time.Duration {
	t.Helper()
	start := time.Now()
	for range bytes / paceStep {
		must(t, p.Wait(t.Context(), paceStep))
	}
	return time.Since(start)
}

// TestPacer: the more the log is written the slower a copy is, never slower than the rate, and not at all beside a log at rest.
func TestPacer(t *testing.T) {
	const rate, size = MinBackupRate, 64 << 20
	for _, c := range []struct {
		busy        int64
		least, most time.Duration
	}{
		{busy: 100, least: 63 * time.Second, most: 64 * time.Second},
		{busy: 50, least: 31 * time.Second, most: 33 * time.Second},
		{busy: 10, least: 6 * time.Second, most: 8 * time.Second},
		{busy: 1, least: 0, most: time.Second}, // before it has looked it counts on a busy log
		{busy: 0, least: 0, most: time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &Pacer{rate: rate, busy: shareOf(c.busy), now: time.Now}
			took := copied(t, p, size)
			if took < c.least || took > c.most {
				t.Errorf("log written for %d%% of the time: 64 MiB at 1 MiB/s took %s, want %s to %s", c.busy, took, c.least, c.most)
			}
			if p.Waited() != took {
				t.Errorf("it says that it held up for %s, and it was %s", p.Waited(), took)
			}
		})
	}
}

// TestPacerFollows: a log that begins to be written slows a copy down at once, and lets it go when it rests again.
func TestPacerFollows(t *testing.T) {
	var written time.Duration
	now := time.Now()
	p := &Pacer{rate: MinBackupRate, busy: func(time.Time) time.Duration { return written }, now: func() time.Time { return now }}
	// held has some time go by, of which the log is written for some, and tells whether a piece behind another is held up then.
	held := func(span, busy time.Duration) bool {
		now, written = now.Add(span), written+busy
		p.admit(paceStep)
		return p.admit(paceStep) > 0
	}
	if !held(0, 0) {
		t.Error("nobody has looked at the log yet, and nothing is held up")
	}
	for range 10 {
		held(paceLook, 0)
	}
	if held(paceLook, 0) {
		t.Error("held up beside a log at rest")
	}
	if !held(paceLook, paceLook) {
		t.Error("not held up beside a log that has just got busy")
	}
	if !held(paceLook, 0) {
		t.Error("not held up after one pause of the log")
	}
	for range 10 {
		held(paceLook, 0)
	}
	if held(paceLook, 0) {
		t.Error("held up beside a log that rests again")
	}
	if !held(2*paceStale, 0) {
		t.Error("not held up though nobody has looked for a while")
	}
	// Whoever is woken a little late makes up for it, and for no more than that.
	held(paceLook, 0)
	behind := now.Sub(p.paid)
	now = now.Add(time.Hour)
	p.admit(0)
	if got := now.Sub(p.paid); got != paceLate || behind > paceLate {
		t.Errorf("%s may be made up for, %s before", got, behind)
	}
}

// TestPacerShared: two copies get the rate together, and each its part.
func TestPacerShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(MinBackupRate, nil)
		start, took := time.Now(), make(chan time.Duration, 2)
		for range 2 {
			go func() {
				for range (8 << 20) / paceStep {
					_ = p.Wait(t.Context(), paceStep) // the context isn't cancelled before the end
				}
				took <- time.Since(start)
			}()
		}
		for range 2 {
			if d := <-took; d < 14*time.Second || d > 16*time.Second {
				t.Errorf("one of two copies of 8 MiB at 1 MiB/s together took %s", d)
			}
		}
	})
}

// TestPacerEnds: whoever waits goes with the context, and what isn't held up ends with it too.
func TestPacerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r := Paced(ctx, iotest.ErrReader(errors.New("read")), NewPacer(1, nil))
		if _, err := r.Read(make([]byte, 1<<20)); errors.Is(err, context.DeadlineExceeded) {
			t.Error("the first piece was held up")
		}
		if _, err := r.Read(make([]byte, 1<<20)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("held up beyond its context: %v", err)
		}
		var none *Pacer
		for _, p := range []*Pacer{none, NewPacer(0, nil)} {
			if took := copied(t, p, 1<<30); took != 0 {
				t.Errorf("without a rate: %s", took)
			}
			if err := p.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("without a rate, behind the context: %v", err)
			}
		}
	})
}

// TestPaced: what passes is what there was.
func TestPaced(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	got, err := io.ReadAll(Paced(t.Context(), bytes.NewReader(want), NewPacer(1<<40, nil)))
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("read %d bytes of %d, or others", len(got), len(want))
	}
	var out bytes.Buffer
	n, err := io.Copy(&pacedWriter{ctx: t.Context(), to: &out, pace: NewPacer(1<<40, nil), speed: spoolSpeed}, bytes.NewReader(want))
	must(t, err)
	if n != int64(len(want)) || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("wrote %d bytes of %d, or others", n, len(want))
	}
}

// TestLogWritten: a write of the log counts while it goes on, and when it is over.
func TestLogWritten(t *testing.T) {
	l, _ := newLog(t)
	begin := l.written.until(time.Now())
	during := time.Duration(-1)
	must(t, l.change("test", func() error {
		now := time.Now()
		during = l.written.until(now.Add(time.Hour)) - begin
		return nil
	}))
	if during < time.Hour {
		t.Errorf("an hour into a write the log was written for %s", during)
	}
	after := l.written.until(time.Now())
	if after <= begin || after >= time.Hour || l.written.until(time.Now().Add(time.Hour)) != after {
		t.Errorf("after the write %s, before it %s", after, begin)
	}
}
