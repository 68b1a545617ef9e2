// Package e2e tests the real binary: it is built once for a run, started on loopback, talked to as users do, killed,
// stopped, starved of disk space and fed garbage. With -short the loops are shorter.
package e2e
