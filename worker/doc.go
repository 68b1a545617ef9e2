// Package worker runs handlers for tasks.
//
//	w, err := worker.New(c, worker.Config{Queues: map[string]int{"mail": 1}, Concurrency: 16})
//	...
//	worker.Handle(w, func(ctx context.Context, t *worker.Task[SendEmail]) error {
//		return smtp.Send(ctx, t.Args.To)
//	})
//	err = w.Run(ctx)
//
// # Outcomes
//
// A handler that returns nil has completed its task. An error lets the servers retry the task after its backoff, until
// its attempts are used up and it goes to the dead letter queue; Permanent sends it there at once. Snooze puts the task
// back for later without burning an attempt. A panic is a failure.
//
// # Leases
//
// A task that was handed out is leased to the worker's session, which lives as long as the worker's heartbeats reach
// the servers. A handler's context is cancelled when the lease is gone, with a cause that says why: ErrLeaseLost,
// ErrCancelled, ErrTimeout or ErrShutdown. Tasks run at least once: a handler that was cut off from the servers may
// still be running when another worker begins. What must not be done twice should be made idempotent, or guarded by the
// fencing token that Fence returns, which grows with every lease.
//
// # How tasks flow
//
// One stream connects a Worker with a server: capacity, outcomes and heartbeats go up, tasks and acknowledgements come
// down. The ledger has an entry for every lease from its arrival until its outcome is acknowledged. Outcomes that are
// ready while a message is being sent leave together in the next; no timer holds them back. After a lost connection the
// worker goes on with its session, at the next address where needed, and sends again what wasn't acknowledged.
package worker
