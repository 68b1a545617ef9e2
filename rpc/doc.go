// Package rpc is the wire: the API of one member, as gRPC on one port and as HTTP and JSON on another.
//
//	caller -> interceptor -> taskService, queueService, workerService, clusterService -> Node (raftfsm) -> log
//	HTTP   -> gateway ----------^ (within the process, through the same interceptors)
//
// Handlers check input (validate.go, newtask.go), make commands of package task, have the node replicate them, and turn
// results into answers. They return plain errors; errors.go alone knows what these are as gRPC statuses.
//
// # Work
//
// A worker's session is replicated; its stream isn't. A workStream is one Work stream, served by two goroutines: one
// receives and proposes, one sends what the outbox gathers. A taker is the dispatcher's side of it: how many leases it
// wants, holds, and has asked for. A waiting call of Lease is a taker too.
//
// The dispatcher runs on the leader. It proposes Lease commands in three ways, the fastest first:
//
//   - with the tasks: when an entry is about to be sealed that brings tasks for which a worker waits, the Lease command
//     joins them (Companions), so that a task is durable and leased by one write;
//   - with outcomes: what ends makes room, and the Lease for that room travels in the same entry as the outcome;
//   - by itself, after an entry that made tasks pending or a worker that made room (serve).
//
// # Lists that agree
//
// A worker's heartbeat carries a digest of the leases that it holds. If it differs from the machine's, the worker sends
// the list. A lease that the list lacks for 5 s was lost on its way and is released without burning an attempt; one that
// the machine doesn't have is revoked. When a worker comes back on a new stream, its list decides at once.
package rpc
