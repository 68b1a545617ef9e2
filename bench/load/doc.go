// Package load drives a Rowlock server as its users do, through the SDK, with every write acknowledged and durable, and
// measures it. 'rowlock bench' is its command line.
//
// Throughputs are those of a steady state: counts are sampled several times a second, and the rate is the slope between
// the end of the warm-up and the last sample. Completions are counted by the server, so that one counts when it is
// durable and not when a handler returned.
//
// Pick-up latency is the time from just before the call of Enqueue to the first line of the handler, both in this
// process and by its monotonic clock.
package load
