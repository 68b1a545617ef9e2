package rpc

import (
	"maps"
	"slices"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// Bounds of a queue's limits.
const (
	maxRateTasks   = 1_000_000
	maxRateSeconds = 86_400
	minRateSeconds = 0.001
	maxWeight      = 1000
	maxWeights     = 1000
)

// setQueueLimits checks and converts the settings that limit a queue and share it out.
func setQueueLimits(out *task.QueueSettings, in *pb.QueueSettings) (err error) {
	out.MaxRunning, out.KeyMaxRunning = in.GetMaxRunning(), in.GetKeyMaxRunning()
	if out.Rate, err = rate("settings.rate", in.GetRate()); err != nil {
		return err
	}
	if out.KeyRate, err = rate("settings.key_rate", in.GetKeyRate()); err != nil {
		return err
	}
	out.FairWeights, err = weights(in.GetFairWeights())
	return err
}

// rate is the machine's form of a rate; nil is none.
func rate(field string, in *pb.Rate) (task.Rate, error) {
	if in == nil {
		return task.Rate{}, nil
	}
	per := in.GetPerSeconds()
	if per == 0 {
		per = 1
	}
	switch {
	case in.GetTasks() == 0 || in.GetTasks() > maxRateTasks:
		return task.Rate{}, invalid("%s.tasks must be 1 to %d, not %d: to stop a queue, pause it", field, maxRateTasks, in.GetTasks())
	case !(per >= minRateSeconds && per <= maxRateSeconds): // NaN too
		return task.Rate{}, invalid("%s.per_seconds must be %g to %d, not %g", field, minRateSeconds, maxRateSeconds, per)
	case in.GetBurst() > maxRateTasks:
		return task.Rate{}, invalid("%s.burst must be at most %d, not %d", field, maxRateTasks, in.GetBurst())
	}
	out := task.Rate{Tasks: in.GetTasks(), Per: task.Duration(per * 1e6), Burst: in.GetBurst()}
	if out.Per < task.Duration(out.Tasks) {
		return task.Rate{}, invalid("%s of %d tasks in %g seconds is more than one in a microsecond", field, out.Tasks, per)
	}
	return out, nil
}

func weights(in map[string]uint32) ([]task.KeyWeight, error) {
	if len(in) > maxWeights {
		return nil, invalid("settings.fair_weights has %d keys, but may have at most %d", len(in), maxWeights)
	}
	var out []task.KeyWeight
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if err := checkLength("settings.fair_weights.", "key", key, maxFairKey); err != nil {
			return nil, err
		}
		if w := in[key]; w == 0 || w > maxWeight {
			return nil, invalid("settings.fair_weights[%q] must be 1 to %d, not %d", clip(key), maxWeight, w)
		}
		out = append(out, task.KeyWeight{Key: key, Weight: uint16(in[key])})
	}
	return out, nil
}

func viewRate(r task.Rate) *pb.Rate {
	if r.IsZero() {
		return nil
	}
	return &pb.Rate{Tasks: r.Tasks, PerSeconds: seconds(r.Per), Burst: r.Burst}
}

func viewWeights(list []task.KeyWeight) map[string]uint32 {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]uint32, len(list))
	for _, w := range list {
		out[w.Key] = uint32(w.Weight)
	}
	return out
}
