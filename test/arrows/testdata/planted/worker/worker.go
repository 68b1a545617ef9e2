// Package worker links the database.
package worker

import _ "go.etcd.io/bbolt"
