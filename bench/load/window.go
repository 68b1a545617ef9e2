package load

import (
	"context"
	"errors"
	"time"
)

const (
	// samplePause lies between two samples of a count.
	samplePause = 200 * time.Millisecond
	// warmUp is the part of a run that isn't measured, at most maxWarmUp.
	warmUp    = 0.15
	maxWarmUp = 5 * time.Second
)

// sample is a count at a time.
type sample struct {
	at    time.Time
	count uint64
}

// watch samples a count until done, and returns the samples.
func watch(ctx context.Context, count func(context.Context) (uint64, error), done func(sample) bool) ([]sample, error) {
	ticker := time.NewTicker(samplePause)
	defer ticker.Stop()
	var samples []sample
	for {
		before := time.Now()
		n, err := count(ctx)
		if err != nil {
			return samples, err
		}
		// The count was true at some time during the call.
		samples = append(samples, sample{at: before.Add(time.Since(before) / 2), count: n})
		if done(samples[len(samples)-1]) {
			return samples, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return samples, ctx.Err()
		}
	}
}

var errTooShort = errors.New("too short to measure: take more tasks or a longer duration")

// rate is the slope of the count from the end of the warm-up on.
func rate(samples []sample) (float64, error) {
	if len(samples) < 3 {
		return 0, errTooShort
	}
	first, last := samples[0], samples[len(samples)-1]
	skip := min(time.Duration(float64(last.at.Sub(first.at))*warmUp), maxWarmUp)
	start := first
	for _, s := range samples {
		if s.at.Sub(first.at) >= skip {
			start = s
			break
		}
	}
	elapsed := last.at.Sub(start.at).Seconds()
	if elapsed <= 0 || last.count <= start.count {
		return 0, errTooShort
	}
	return float64(last.count-start.count) / elapsed, nil
}
