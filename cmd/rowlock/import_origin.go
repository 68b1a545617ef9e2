package main

import (
	"fmt"
	"maps"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// importOrigin is what a task belonged to when it was written. An import doesn't put it back there: its workflow, batch or schedule has
// counted its end.
type importOrigin struct {
	WorkflowID string `json:"was_of_workflow_id,omitempty"`
	BatchID    string `json:"was_of_batch_id,omitempty"`
	Schedule   string `json:"was_of_schedule,omitempty"`
}

func originOf(t *rowlockv1.Task) importOrigin {
	return importOrigin{WorkflowID: t.GetWorkflowId(), BatchID: t.GetBatchId(), Schedule: t.GetSchedule()}
}

// The labels that --label-origin gives tasks.
const (
	labelOriginWorkflow = "origin_workflow"
	labelOriginBatch    = "origin_batch"
	labelOriginSchedule = "origin_schedule"
)

// label keeps it as labels of the task, beside those that it has.
func (o importOrigin) label(t *rowlockv1.Task) {
	if o == (importOrigin{}) {
		return
	}
	labels := map[string]string{}
	for name, value := range map[string]string{
		labelOriginWorkflow: o.WorkflowID, labelOriginBatch: o.BatchID, labelOriginSchedule: o.Schedule,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	maps.Copy(labels, t.GetLabels()) // those of an import before stay
	t.Labels = labels
}

// originNote tells that imported tasks are on their own now; empty: none was anything else.
func (i *importer) originNote() string {
	n := i.counts.parted
	if n == 0 {
		return ""
	}
	was, kept := "were", "--label-origin keeps which as labels"
	if n == 1 {
		was = "was"
	}
	if i.labelOrigin {
		kept = "labels say which"
	}
	return fmt.Sprintf("%s of these %s of a workflow, batch or schedule, and no longer belong to it: that counted their end already; %s.\n",
		render.Count(n, "task"), was, kept)
}
