// Chaos runs three real members under load, does to them what happens to servers and what operators do, and keeps a ledger outside
// of them of all that they acknowledge. It ends with 1 at the first thing that docs/GUARANTEES.md rules out.
//
//	go run ./test/chaos -rowlock bin/rowlock [-for 5m] [-seed N] [-plan kill,restore,…] [-dir DIRECTORY]
//
// The load: producers of plain tasks, for workers that speak the unary calls and keep some leases too long, and for a worker of the
// SDK; workflows and batches with callbacks, in which tasks fail, snooze and die; a queue with a limit; a schedule. The steps are in
// steps.go: kill -9 of one member and of all, SIGSTOP, wiped disks, rebuilds, transfers, backups, archives of the log, trial
// restores, restores into a group beside and into the group itself, vacuum, check, and what operators do to queues and dead letters. Many
// steps have a member killed, stopped or deposed meanwhile.
//
// What must hold, and when it is looked at:
//
//   - Each acknowledged task is there, and each acknowledged completion: at audits, and all of them at the end. Behind a restore that
//     is what had been acknowledged before its moment, and nothing of what began after it.
//   - No call makes two tasks; no two calls are told the same ID; no ID comes again after a restore.
//   - A token is given out once, and a newer lease has a greater one. The outcome of a lease that is over is refused.
//   - What was completed isn't handed out again. A queue's limit of running tasks holds.
//   - Batches call back once, ticks of the schedule make one task each.
//   - No member ends by itself, no state differs, `check` finds nothing, every backup and all of the archived log is proven.
//   - In the end all tasks of the plain load are completed, and the members' hashes are equal.
//
// A seed determines the steps, their order, members, pauses and troubles, not what the processes make of them: a breach may need some
// runs to come again. At a breach the data directories, archives and logs stay where the last lines say.
package main
