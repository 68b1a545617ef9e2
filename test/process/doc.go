// Package process runs the rowlock binary for tests and demonstrations: it builds it, starts it, waits for what it logs,
// sends it signals and waits for its end. A process that was started here doesn't outlive the one that started it.
package process
