// Package webhook runs tasks by HTTP: any URL is a handler.
//
// Each attempt is a POST with the payload as its body and the task in headers: X-Rowlock-Task-Id, X-Rowlock-Queue,
// X-Rowlock-Kind, X-Rowlock-Attempt, X-Rowlock-Token (the fencing token), of a schedule's task X-Rowlock-Schedule and
// X-Rowlock-Nominal-Time, and traceparent where the task has a trace context. The answer's status is the outcome:
//
//	2xx       done; the body, up to 64 KiB, is the result
//	429, 503  snoozed for as long as Retry-After says, without burning an attempt
//	408       failed: retried after the backoff
//	other 4xx failed for good: to the dead letter queue
//	else      failed: retried after the backoff; redirects are not followed
package webhook
