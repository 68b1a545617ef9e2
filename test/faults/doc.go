// Faults plants known faults, one at a time, in a copy of the source tree, and shows that a test catches each. A test
// that passes with its fault planted guards nothing.
//
//	go run ./test/faults              plant all
//	go run ./test/faults lease        plant those with "lease" in their name
//
// A fault is a patch in test/faults/patches, named NNN-what-it-breaks.patch, which begins with:
//
//	Rule: the promise that it breaks, in one line
//	Test: arguments of `go test` that run the test, separated by spaces
//
// To make one, break the rule in the working tree, see that the test fails, and write
//
//	(printf 'Rule: …\nTest: ./task -run ^TestX$\n\n'; git diff -U1) >test/faults/patches/NNN-name.patch
//
// The patches never become part of the program: they exist only in the copy.
package main
