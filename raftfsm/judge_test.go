package raftfsm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// judgeTest is a judge whose log is this value.
type judgeTest struct {
	*judge
	index    uint64 // of the last entry
	verdicts []task.Checksum
	fail     error // of the proposals
}

func newJudgeTest(t *testing.T, voters int) *judgeTest {
	x := &judgeTest{index: 1}
	x.judge = &judge{
		level:    func() uint32 { return task.LevelChecksum },
		interval: 10 * time.Second, self: "a", position: func() uint64 { return x.index },
		own: &checksums{dir: t.TempDir(), metrics: newMetrics(nil)}, fatal: newFatal(), logger: testLogger(t), metrics: newMetrics(nil), asked: make(chan struct{}, 1),
		servers: func() []raft.Server {
			all := []raft.Server{{ID: "a", Address: "a"}, {ID: "b", Address: "b"}, {ID: "c", Address: "c"}, {Suffrage: raft.Nonvoter, ID: "d", Address: "d"}}
			return append(all[:voters:voters], all[3])
		},
		ask: func(_ context.Context, address string) ([]Checksum, error) {
			if address == "a" || address == "d" {
				t.Errorf("%s is asked", address)
			}
			return x.own.list(), nil
		},
		submit: func(cs []task.Command, _ bool, done func([]task.Result, error)) {
			if x.fail != nil {
				done(nil, x.fail)
				return
			}
			x.index++
			x.own.note(Checksum{Index: x.index, Hash: 100 + x.index})
			x.verdicts = append(x.verdicts, *cs[0].(*task.Checksum))
			done([]task.Result{{}}, nil)
		},
	}
	return x
}

// during runs the judge for a while.
func (x *judgeTest) during(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	x.run(ctx)
}

// TestJudgeRests: what changed is compared, and the verdict told; then an idle group gets no more entries.
func TestJudgeRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newJudgeTest(t, 3)
		x.during(t, time.Hour)
		if len(x.verdicts) != 2 || x.verdicts[0] != (task.Checksum{}) || x.verdicts[1] != (task.Checksum{Agreed: 2, Hash: 102}) {
			t.Fatalf("proposed %+v", x.verdicts)
		}
		x.index++
		x.during(t, time.Hour)
		if len(x.verdicts) != 4 || x.verdicts[3] != (task.Checksum{Agreed: 5, Hash: 105}) {
			t.Fatalf("proposed %+v", x.verdicts)
		}
		if n := counted(x.metrics.mismatches); n != 0 {
			t.Errorf("%v alarms", n)
		}
	})
}

// TestJudgeWaitsForTheLevel: a group with members that don't know the command gets none.
func TestJudgeWaitsForTheLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newJudgeTest(t, 3)
		x.level = func() uint32 { return task.LevelChecksum - 1 }
		x.during(t, time.Hour)
		if len(x.verdicts) != 0 {
			t.Errorf("proposed %+v", x.verdicts)
		}
	})
}

// TestJudgeAlone: one voter has nobody to compare with.
func TestJudgeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newJudgeTest(t, 1)
		x.during(t, time.Hour)
		if len(x.verdicts) != 0 {
			t.Errorf("proposed %+v", x.verdicts)
		}
	})
}

// TestJudgeInTheMinority: a leader whose state isn't the majority's ends before it says so in the log.
func TestJudgeInTheMinority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newJudgeTest(t, 3)
		x.ask = func(context.Context, string) ([]Checksum, error) { return []Checksum{{Index: 2, Hash: 7}}, nil }
		x.during(t, time.Minute)
		if err := x.fatal.get(); !errors.Is(err, ErrDiverged) {
			t.Errorf("it goes on: %v", err)
		}
		if len(x.verdicts) != 1 {
			t.Errorf("proposed %+v", x.verdicts)
		}
	})
}

// TestJudgeTriesAgain: a comparison that couldn't be proposed is made up for, and silent voters make no verdict.
func TestJudgeTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newJudgeTest(t, 3)
		x.fail = ErrOverloaded
		x.during(t, time.Minute)
		x.fail = nil
		x.ask = func(ctx context.Context, address string) ([]Checksum, error) {
			if address == "b" {
				return nil, errors.New("unreachable")
			}
			<-ctx.Done() // of its timeout
			return nil, ctx.Err()
		}
		x.during(t, time.Minute)
		if len(x.verdicts) != 2 || x.verdicts[1] != (task.Checksum{}) || counted(x.metrics.mismatches) != 0 {
			t.Errorf("proposed %+v, %v alarms", x.verdicts, counted(x.metrics.mismatches))
		}
	})
}
