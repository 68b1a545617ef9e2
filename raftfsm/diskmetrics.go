package raftfsm

import "github.com/rowlock/rowlock/store"

// diskGauges show how much room the file system of the data directory has; 0 where it can't be found out.
func (m *metrics) diskGauges(n *Node) {
	m.gauge("rowlock_disk_free_bytes", "Bytes of the data directory's file system that this member may still use.", func() float64 {
		free, _, err := store.DiskSpace(n.config.DataDir)
		if err != nil {
			return 0
		}
		return float64(free)
	})
	m.gauge("rowlock_disk_size_bytes", "Size of the data directory's file system.", func() float64 {
		_, total, err := store.DiskSpace(n.config.DataDir)
		if err != nil {
			return 0
		}
		return float64(total)
	})
}
