package task

import (
	"errors"
	"fmt"
)

// SupportedLevel is the highest feature level that this version knows. Every change of what Apply does, or of the formats of
// records and hash, raises it by one, and takes effect only from there on: all members of a group execute the log alike,
// whichever versions they run.
const SupportedLevel uint32 = 3

// BaseLevel is the first level: that of a state that says nothing of it.
const BaseLevel uint32 = 1

// The commands that came later, by the level from which on they may be proposed.
const (
	LevelMarkSilent uint32 = 2
	LevelChecksum   uint32 = 2
	// levelDispatch is that of limits, fair keys, singletons and required labels.
	levelDispatch uint32 = 3
	// levelBatches is that of batches.
	levelBatches uint32 = 3
)

// LevelOf is the feature level from which on a command may be proposed: an older version doesn't know it, or ignores what
// it says.
func LevelOf(c Command) uint32 {
	switch c := c.(type) {
	case *MarkSilent:
		return LevelMarkSilent
	case *Checksum:
		return LevelChecksum
	case *CreateBatch, *CloseBatch, *CancelBatch:
		return levelBatches
	case *Request:
		return LevelOf(c.Command)
	case *Enqueue:
		for i := range c.Tasks {
			if t := &c.Tasks[i]; t.SingletonKey != "" || t.StickyKey != "" || len(t.Require) > 0 {
				return levelDispatch
			} else if t.Batch != 0 {
				return levelBatches
			}
		}
	case *SetQueue:
		if c.Fields&fieldsLater != 0 {
			return levelDispatch
		}
	}
	return BaseLevel
}

// ErrNewerLevel refuses a state, or an entry that leads to one, which a newer version must handle.
var ErrNewerLevel = errors.New("written by a newer version")

// FeatureLevel is the level up to which the group uses features: all members support it. It never falls.
func (m *Machine) FeatureLevel() uint32 { return m.level }

func (m *Machine) raiseFeatureLevel(c *RaiseFeatureLevel) Result {
	if c.Level < m.level {
		return Result{Code: Invalid}
	}
	below := m.level < levelDispatch
	if m.level = c.Level; below && m.level >= levelDispatch {
		m.beginFlows()
	}
	return Result{}
}

// admit refuses commands that raise the level above what this version supports, before any of their entry is executed.
func (m *Machine) admit(cs []Command) error {
	for _, c := range cs {
		if r, ok := c.(*Request); ok {
			c = r.Command
		}
		if c, ok := c.(*RaiseFeatureLevel); ok {
			if err := m.admitLevel(c.Level); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Machine) admitLevel(level uint32) error {
	if level <= m.supported {
		return nil
	}
	return fmt.Errorf("%w: the group is at feature level %d, and this version supports up to %d: run a version that supports it",
		ErrNewerLevel, level, m.supported)
}
