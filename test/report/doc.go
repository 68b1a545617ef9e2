// Report reads the output of `go test -json` and writes what a person needs: each package's closing line, all output of
// what failed, and every test that was skipped. It fails when a test failed, when nothing ran, and when a test was
// skipped that the list of allowed skips doesn't name.
//
//	go test -json ./... | go run ./test/report -allowed .ci/allowed-skips
package main
