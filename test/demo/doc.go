// Demo does a real job with the rowlock binary and checks it: one task for each file of a directory tree, which a worker
// hands to an external program, sha256sum. Some tasks fail once and are retried; some name files that don't exist,
// become dead letters, and are retried by hand once the files are there. Every result is compared with a direct
// computation. It exits 0 only if all of it is right.
//
//	go run ./test/demo -rowlock bin/rowlock [-dir DIRECTORY]
package main
