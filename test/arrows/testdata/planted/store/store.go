// Package store imports what it must not.
package store

import _ "m/rpc"
