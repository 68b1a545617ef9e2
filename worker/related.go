package worker

import (
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Related is what a task came from or belongs to.
type Related struct {
	// Schedule is the schedule that made it, NominalAt the nominal time of its tick; zero for a task of none.
	Schedule  string
	NominalAt time.Time
	// Parents are the tasks that this one depends on, in the order of its dependencies, with their results.
	Parents []Parent
	// BatchID is the batch that the task is in. While it is open, the task may enqueue more with client.InBatch.
	BatchID string
	// CallbackOf is the batch that enqueued the task, Callback why: on_success, on_death or on_complete.
	CallbackOf string
	Callback   string
}

func relatedOf(p *rowlockv1.Related) Related {
	r := Related{
		Schedule: p.GetSchedule(), Parents: parentsOf(p.GetParents()),
		BatchID: p.GetBatchId(), CallbackOf: p.GetCallbackOf(), Callback: p.GetCallback(),
	}
	if at := p.GetNominalAt(); at != nil {
		r.NominalAt = at.AsTime()
	}
	return r
}
