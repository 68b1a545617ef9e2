package raftfsm

// ArchiveConfig says where and how often the log is archived while this member leads.
type ArchiveConfig struct {
}
