// Demo does a real job with the rowlock binary and checks it: one task for each file of a directory tree, which a worker
// hands to an external program, sha256sum. Some tasks fail once and are retried; some name files that don't exist,
// become dead letters, and are retried by hand once the files are there. Every result is compared with a direct
// computation. It exits 0 only if all of it is right.
//
// With -members 3 it does so through a group of servers and kills their leader with kill -9 in the middle of the job. It
// measures how long no write is acknowledged, starts the member again, and checks besides that no attempt was lost or
// counted twice, and that all members end in step, each with all results.
//
//	go run ./test/demo -rowlock bin/rowlock [-dir DIRECTORY] [-max FILES] [-members 3]
package main
