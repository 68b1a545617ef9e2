package store

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// fakeDisk is a file system whose free space is set.
type fakeDisk struct {
	free, total uint64
	err         error
	looks       int
}

func (d *fakeDisk) statfs(string) (uint64, uint64, error) {
	d.looks++
	return d.free, d.total, d.err
}

func TestRoom(t *testing.T) {
	const mib = 1 << 20
	now := time.Unix(0, 0)
	disk := &fakeDisk{total: 100000 * mib}
	r := NewRoom("/data", 800*mib, func() time.Time { return now })
	r.statfs = disk.statfs
	for i, step := range []struct {
		free uint64
		full bool
	}{
		{1000 * mib, false}, {800 * mib, false}, {800*mib - 1, true},
		{800 * mib, true}, {899 * mib, true}, // an eighth above the reserve reopens it
		{900 * mib, false}, {801 * mib, false}, {0, true},
	} {
		disk.free = step.free
		now = now.Add(time.Second)
		err := r.Admit(0, 0)
		if errors.Is(err, ErrNoSpace) != step.full || (err != nil) != step.full {
			t.Errorf("step %d: %d MiB free: %v", i, step.free/mib, err)
		}
	}
	var full *NoRoomError
	if err := r.Admit(0, 0); !errors.As(err, &full) || full.Path != "/data" || full.Free != 0 || full.Needed != 900*mib { // an eighth above the reserve
		t.Errorf("error is %#v", err)
	}
	if text := full.Error(); !strings.Contains(text, "/data has 0 MiB free and needs 900 MiB") {
		t.Errorf("error says %q", text)
	}
}

func TestRoomIsCached(t *testing.T) {
	now := time.Unix(100, 0)
	disk := &fakeDisk{free: 1 << 40, total: 1 << 41}
	r := NewRoom("/data", 0, func() time.Time { return now })
	r.statfs = disk.statfs
	for _, step := range []struct {
		passes time.Duration
		looks  int
	}{{0, 1}, {100 * time.Millisecond, 1}, {99 * time.Millisecond, 1}, {time.Millisecond, 2}, {-time.Hour, 3}, {0, 3}} {
		now = now.Add(step.passes)
		if err := r.Admit(0, 0); err != nil {
			t.Error(err)
		}
		if disk.looks != step.looks {
			t.Errorf("after %v: %d looks, want %d", step.passes, disk.looks, step.looks)
		}
	}
}

func TestRoomDefault(t *testing.T) {
	for _, c := range []struct{ total, need uint64 }{{1 << 40, DefaultMinFree}, {1 << 30, 1 << 30 / 20}} {
		disk := &fakeDisk{free: c.need - 1, total: c.total}
		r := NewRoom("/data", 0, time.Now)
		r.statfs = disk.statfs
		var full *NoRoomError
		if err := r.Admit(0, 0); !errors.As(err, &full) || full.Needed != c.need {
			t.Errorf("of %d: %v", c.total, err)
		}
	}
}

func TestRoomOfARealDisk(t *testing.T) {
	if err := NewRoom(t.TempDir(), 1, time.Now).Admit(0, 0); err != nil {
		t.Error(err)
	}
	if err := NewRoom(t.TempDir(), 1<<62, time.Now).Admit(0, 0); !errors.Is(err, ErrNoSpace) {
		t.Errorf("%v", err)
	}
	if err := NewRoom(t.TempDir()+"/none", 1, time.Now).Admit(0, 0); err == nil || errors.Is(err, ErrNoSpace) {
		t.Errorf("%v", err)
	}
}

// TestRoomForWhatIsOwed: what was owed at the last look and what was admitted since count as used until the next look,
// whether it has been written meanwhile or not.
func TestRoomForWhatIsOwed(t *testing.T) {
	const mib = 1 << 20
	now := time.Unix(1, 0)
	r := NewRoom("/data", 100*mib, func() time.Time { return now })
	r.statfs = func(string) (free, total uint64, err error) { return 150 * mib, 1000 * mib, nil }
	if err := r.Admit(10*mib, 10*mib); err != nil {
		t.Fatalf("10 owed and 10 new in 50 MiB: %v", err)
	}
	if err := r.Admit(10*mib, 0); !errors.Is(err, ErrRoomOwed) {
		t.Fatalf("10 owed, 10 admitted and 10 more in 50 MiB: %v", err)
	}
	now = now.Add(roomAge)
	if err := r.Admit(1*mib, 25*mib); err != nil {
		t.Fatalf("25 owed and 1 new in 50 MiB, after a new look: %v", err)
	}
	if free, ok := r.Free(); !ok || free != 150*mib {
		t.Errorf("free: %d, %v", free, ok)
	}
}
