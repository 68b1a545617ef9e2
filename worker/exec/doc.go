// Package exec runs tasks by programs: any executable is a handler.
//
// The program gets the payload on standard input and the task in its environment: ROWLOCK_TASK_ID, ROWLOCK_QUEUE,
// ROWLOCK_KIND, ROWLOCK_ATTEMPT and ROWLOCK_TOKEN (the fencing token); and of a schedule's task ROWLOCK_SCHEDULE and
// ROWLOCK_NOMINAL_TIME (RFC 3339, UTC). For a task that depends on others, ROWLOCK_PARENTS_FILE is a JSON file with how they
// ended and their results, which is removed afterwards. A task of a batch also gets ROWLOCK_BATCH_ID; so does
// a callback, and with it ROWLOCK_BATCH_CALLBACK: on_success, on_death or on_complete. Its exit code is the outcome:
//
//	0    done; what it wrote to standard output is the result; beyond 64 KiB it is cut, and a warning is logged
//	100  failed for good: to the dead letter queue
//	75   snoozed (EX_TEMPFAIL): back for later, without burning an attempt
//	else failed: retried after the backoff; the tail of standard error is the error
//
// The program leads a process group of its own. When the task's context ends, the group gets SIGTERM and, after a
// grace, SIGKILL; what the program left behind in the group is killed when it has exited.
package exec
