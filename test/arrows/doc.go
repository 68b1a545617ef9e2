// Package arrows checks the shape of the source: which of the project's rooms may import which, what the pure core must
// keep out, what the SDK must not link, and a few smells that a compiler doesn't see. Its tests run the checks on this
// module, and on a planted module in testdata that breaks each of them.
package arrows
