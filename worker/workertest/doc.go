// Package workertest runs handlers in unit tests, without a server.
//
//	r := workertest.Run(t, sendEmail, SendEmail{To: "ada@example.com"})
//	if r.Kind != worker.Completed { ... }
package workertest
