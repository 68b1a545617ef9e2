package raftfsm

import (
	"errors"
	"slices"
	"testing"

	"github.com/rowlock/rowlock/store"
)

func TestChecksums(t *testing.T) {
	dir := t.TempDir()
	c := &checksums{dir: dir, metrics: newMetrics(nil)}
	if c.last() != 0 || len(c.list()) != 0 {
		t.Errorf("at the start: %v", c.list())
	}
	for i := range uint64(checksumsKept + 3) {
		c.note(Checksum{Index: 10 + i, Hash: i})
	}
	if list := c.list(); len(list) != checksumsKept || list[0].Index != 13 || c.last() != 10+checksumsKept+2 {
		t.Errorf("kept %v", list)
	}
	for _, agreed := range []Checksum{{}, {Index: 12, Hash: 99}, {Index: 14, Hash: 4}} { // none, forgotten, equal
		if err := c.check(agreed); err != nil {
			t.Errorf("%+v: %v", agreed, err)
		}
	}
	if _, marked, err := store.Divergence(dir); marked || err != nil {
		t.Errorf("marked for nothing: %v", err)
	}
	if err := c.check(Checksum{Index: 14, Hash: 5}); !errors.Is(err, ErrDiverged) {
		t.Errorf("another hash: %v", err)
	}
	if _, marked, err := store.Divergence(dir); !marked || err != nil || counted(c.metrics.mismatches) != 1 {
		t.Errorf("marked %v, %v, counted %v", marked, err, counted(c.metrics.mismatches))
	}
	c.clear() // the state was replaced by the leader's
	if err := c.check(Checksum{Index: 14, Hash: 5}); err != nil {
		t.Errorf("a state is judged by the hash of the one that it replaced: %v", err)
	}
}

func TestRuling(t *testing.T) {
	a, b := Checksum{10, 1}, Checksum{20, 2}
	other, third := Checksum{20, 3}, Checksum{20, 4}
	for name, x := range map[string]struct {
		reports [][]Checksum
		want    ruling
	}{
		"nobody answers":           {[][]Checksum{nil, nil, nil}, ruling{}},
		"one of three answers":     {[][]Checksum{{a, b}, nil, nil}, ruling{}},
		"all equal":                {[][]Checksum{{a, b}, {a, b}, {a, b}}, ruling{index: 20, states: 1, agreed: true, hash: 2}},
		"one is silent":            {[][]Checksum{{a, b}, nil, {a, b}}, ruling{index: 20, states: 1, agreed: true, hash: 2}},
		"the newest is too new":    {[][]Checksum{{a, b}, {a}, {a}}, ruling{index: 10, states: 1, agreed: true, hash: 1}},
		"one differs":              {[][]Checksum{{a, other}, {a, b}, {a, b}}, ruling{index: 20, states: 2, agreed: true, hash: 2}},
		"two differ, one lags":     {[][]Checksum{{a, other}, {a, b}, {a}}, ruling{index: 20, states: 2}},
		"all differ":               {[][]Checksum{{other}, {b}, {third}}, ruling{index: 20, states: 3}},
		"two of two differ":        {[][]Checksum{{other}, {b}}, ruling{index: 20, states: 2}},
		"half of four":             {[][]Checksum{{b}, {b}, {other}, {third}}, ruling{index: 20, states: 3}},
		"two of five, rest silent": {[][]Checksum{{b}, {b}, nil, nil, nil}, ruling{}},
	} {
		if got := rule(x.reports); got != x.want {
			t.Errorf("%s: %+v, want %+v", name, got, x.want)
		}
		slices.Reverse(x.reports)
		if got := rule(x.reports); got != x.want {
			t.Errorf("%s, in reverse: %+v, want %+v", name, got, x.want)
		}
	}
}
