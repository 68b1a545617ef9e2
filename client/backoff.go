package client

import (
	"encoding/json"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// BackoffPolicy is how long a failed task waits: Initial * Multiplier^(failures-1), at most Maximum, of which the upper
// half is random. Delays take its place where given; the last one repeats. Zero: the queue's, else 1 s doubled up to 1 h.
type BackoffPolicy struct {
	Initial    time.Duration
	Maximum    time.Duration
	Multiplier float64 // at least 1, to three decimals
	Delays     []time.Duration
}

func (p BackoffPolicy) proto() *rowlockv1.Backoff {
	b := &rowlockv1.Backoff{
		InitialSeconds: p.Initial.Seconds(),
		MaximumSeconds: p.Maximum.Seconds(),
		Multiplier:     p.Multiplier,
	}
	for _, d := range p.Delays {
		b.DelaysSeconds = append(b.DelaysSeconds, d.Seconds())
	}
	return b
}

func backoffOf(b *rowlockv1.Backoff) BackoffPolicy {
	p := BackoffPolicy{
		Initial:    seconds(b.GetInitialSeconds()),
		Maximum:    seconds(b.GetMaximumSeconds()),
		Multiplier: b.GetMultiplier(),
	}
	for _, s := range b.GetDelaysSeconds() {
		p.Delays = append(p.Delays, seconds(s))
	}
	return p
}

// IsZero reports whether nothing is set.
func (p BackoffPolicy) IsZero() bool {
	return p.Initial == 0 && p.Maximum == 0 && p.Multiplier == 0 && len(p.Delays) == 0
}

// MarshalJSON uses the API's names.
func (p BackoffPolicy) MarshalJSON() ([]byte, error) {
	b := p.proto()
	return json.Marshal(struct {
		Initial    float64   `json:"initial_seconds,omitzero"`
		Maximum    float64   `json:"maximum_seconds,omitzero"`
		Multiplier float64   `json:"multiplier,omitzero"`
		Delays     []float64 `json:"delays_seconds,omitempty"`
	}{b.InitialSeconds, b.MaximumSeconds, b.Multiplier, b.DelaysSeconds})
}
