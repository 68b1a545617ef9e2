// Package rules tests the alert rules of deploy/prometheus with Prometheus' own code: the file is loaded as a Prometheus server
// loads it, and the rules are evaluated over series that should make each alert fire, over series that just don't, and over
// those of a healthy group, which must leave all of them quiet.
//
// It is a module of its own, as Prometheus is large and nothing else of this project needs it: `make rules-test`.
package rules
