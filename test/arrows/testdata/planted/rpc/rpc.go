// Package rpc may import the node.
package rpc

import _ "m/raftfsm"
