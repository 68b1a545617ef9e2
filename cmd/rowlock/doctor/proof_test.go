package doctor

import (
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// gauges are a member's metrics.
func gauges(values map[string]float64) *member {
	m := &member{values: metrics{}}
	for name, v := range values {
		m.values[name] = &dto.MetricFamily{Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: proto.Float64(v)}}}}
	}
	return m
}

// What is stored isn't taken for what is proven.
func TestProofs(t *testing.T) {
	const verified, restores, log = "rowlock_backup_last_verified_timestamp_seconds", "rowlock_backup_trial_restores", "rowlock_backup_log_verified_timestamp_seconds"
	ago := func(d time.Duration) float64 { return float64(noon.Add(-d).Unix()) }
	for name, c := range map[string]struct {
		values map[string]float64
		want   []Grade
		mend   string
	}{
		"proven":                    {map[string]float64{verified: ago(time.Hour), restores: 1}, []Grade{Good}, ""},
		"proven, with the log":      {map[string]float64{verified: ago(time.Hour), restores: 1, log: ago(time.Hour)}, []Grade{Good}, ""},
		"not proven any more":       {map[string]float64{verified: ago(51 * time.Hour), restores: 1}, []Grade{Warning}, "see the leader's log"},
		"stored only":               {map[string]float64{verified: 0, restores: 0, log: 0}, []Grade{Warning}, "--backup-identity"},
		"proven somewhere else":     {map[string]float64{verified: ago(time.Hour), restores: 0}, []Grade{Good}, ""},
		"a log that isn't proven":   {map[string]float64{verified: ago(time.Hour), restores: 1, log: ago(60 * time.Hour)}, []Grade{Good, Warning}, "verify --log"},
		"a log that never was":      {map[string]float64{verified: ago(time.Hour), restores: 1, log: 0}, []Grade{Good, Warning}, "verify --log"},
		"of a version of before":    {map[string]float64{verified: ago(60 * time.Hour)}, []Grade{Warning}, "see the leader's log"},
		"of one that tells nothing": {nil, nil, ""},
	} {
		d := newDoctor()
		d.members = []*member{gauges(nil), gauges(c.values)} // the leader tells
		d.proofs()
		var mends []string
		for i, f := range d.Findings {
			if i >= len(c.want) || f.Grade != c.want[i] {
				t.Errorf("%s: %+v", name, d.Findings)
				break
			}
			mends = append(mends, f.Mend)
		}
		if len(d.Findings) != len(c.want) || !strings.Contains(strings.Join(mends, " "), c.mend) {
			t.Errorf("%s: %+v", name, d.Findings)
		}
	}
}
