package client

import (
	"context"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Worker returns the session that has the ID, or the worker_id if one session alone has it, and the tasks that it runs, 100 at
// most.
//
// ErrNotFound: there is no such session, or it has ended. ErrState: several have the worker_id.
func (c *Client) Worker(ctx context.Context, worker string) (*WorkerInfo, []*TaskInfo, error) {
	resp, err := c.workers.GetWorker(ctx, &rowlockv1.GetWorkerRequest{Worker: worker})
	if err != nil {
		return nil, nil, err
	}
	tasks := make([]*TaskInfo, 0, len(resp.GetTasks()))
	for _, p := range resp.GetTasks() {
		tasks = append(tasks, taskOf(p))
	}
	return workerInfo(resp.GetWorker()), tasks, nil
}

// DrainWorker has a worker take no more: it finishes what it holds and then leaves. It can be repeated. See Worker for the name
// and the errors.
func (c *Client) DrainWorker(ctx context.Context, worker string) (*WorkerInfo, error) {
	resp, err := c.workers.DrainWorker(ctx, &rowlockv1.DrainWorkerRequest{Worker: worker})
	if err != nil {
		return nil, err
	}
	return workerInfo(resp.GetWorker()), nil
}

// EvictWorker ends the session of a worker that is known to be dead. Its tasks go back to their queues at once, no attempt is
// burnt, and what comes from it later is refused. One that lives comes back with a new session. It returns the session as it
// was. See Worker for the name and the errors.
func (c *Client) EvictWorker(ctx context.Context, worker string) (*WorkerInfo, error) {
	resp, err := c.workers.EvictWorker(ctx, &rowlockv1.EvictWorkerRequest{Worker: worker})
	if err != nil {
		return nil, err
	}
	return workerInfo(resp.GetWorker()), nil
}
