// Package clienttest runs a server for tests and examples of programs that use one.
//
//	s, err := clienttest.Start("rowlock")
//	...
//	defer s.Stop()
//	c, err := client.New(client.Config{Addrs: []string{s.Addr}})
//
// To test a handler alone, without a server, see package workertest.
package clienttest
