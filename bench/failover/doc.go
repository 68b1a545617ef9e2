// Failover measures how long a group of three members is gone when its leader is: killed as by kill -9, or stopped for a
// while as by SIGSTOP, so that its connections stay open and nobody answers.
//
//	go run ./bench/failover -rowlock bin/rowlock -trials 50 -signal kill|stop -profile default|fast [-o json]
//
// Producers enqueue single tasks at a steady rate, each through a client of its own, as programs on different machines do;
// one worker completes them. All know all three addresses. Each trial strikes the leader and measures, from the last
// success before the strike, the longest time without
//
//   - writes: an acknowledgment to any producer, which is what the group took to have a leader again;
//   - slowest producer: an acknowledgment to one of them, which is the worst that a caller sees;
//   - pick-ups: the start of a handler.
//
// Then the member comes back, all three become healthy, and the next trial begins. At the end every acknowledged task must
// have completed once, and no call of Enqueue may have made two tasks: if not, the program fails.
package main
