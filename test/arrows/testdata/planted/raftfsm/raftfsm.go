// Package raftfsm links a fake of the tests.
package raftfsm

import _ "m/test/fake"
