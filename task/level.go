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
	// LevelFeatures is that of schedules, workflows, batches, limits and fair keys, bulk operations, quotas, dead letter queues and
	// debouncing.
	LevelFeatures uint32 = 3
)

// LevelOf is the feature level from which on a command may be proposed: an older version doesn't know it, or ignores what
// it says.
func LevelOf(c Command) uint32 {
	switch c := c.(type) {
	case *MarkSilent:
		return LevelMarkSilent
	case *Checksum:
		return LevelChecksum
	case *Request:
		return LevelOf(c.Command)
	case *PutSchedule, *DeleteSchedule, *SetSchedulePaused, *TriggerSchedule, *BackfillSchedule, *FireSchedules,
		*StartOperation, *StepOperation, *AbortOperation, *EnqueueGraph, *CancelWorkflow, *CreateBatch, *CloseBatch, *CancelBatch,
		*ImportTasks, *NoteArchived, *ResumeCluster, *DrainSession, *ResetQuiet, *InstallImage, *AdvanceCounters:
		return LevelFeatures
	case *Enqueue:
		for i := range c.Tasks {
			if c.Tasks[i].isLater() {
				return LevelFeatures
			}
		}
	case *SetQueue:
		if c.Fields&fieldsLater != 0 || len(c.Settings.appendTags(nil)) > 0 {
			return LevelFeatures
		}
	}
	return BaseLevel
}

// isLater reports whether a task has something that came with LevelFeatures.
func (t *NewTask) isLater() bool {
	return t.SingletonKey != "" || t.StickyKey != "" || len(t.Require) > 0 || t.UniqueMode == UniqueDebounce || t.Batch != 0 || t.usesGraph()
}

// ErrNewerLevel refuses a state, or an entry that leads to one, which a newer version must handle.
var ErrNewerLevel = errors.New("written by a newer version")

// FeatureLevel is the level up to which the group uses features: all members support it. It never falls.
func (m *Machine) FeatureLevel() uint32 { return m.level }

func (m *Machine) raiseFeatureLevel(c *RaiseFeatureLevel) Result {
	if c.Level < m.level {
		return Result{Code: Invalid}
	}
	below := m.level < LevelFeatures
	if m.level = c.Level; below && m.level >= LevelFeatures {
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
