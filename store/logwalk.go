package store

import (
	"encoding/binary"
	"fmt"
)

// maxConf bounds the values of the bucket conf, in bytes: raft keeps terms and a candidate's address there.
const maxConf = 64 << 10

// logWalk checks the log's file while its pages are walked: there are no more and no fewer buckets than raft-boltdb
// makes (a missing one it would make anew, and forget the votes), the entries adjoin, and terms and votes are under the
// keys that they were written under, for a lost one would look like one never set.
type logWalk struct {
	sizes      *logSizes
	keys       map[string]struct{} // takes the keys of the bucket conf
	logs, conf bool
}

func (w *logWalk) bucket(name string) (int, error) {
	switch name {
	case bucketLogs:
		w.logs = true
		return 0, nil
	case bucketConf:
		w.conf = true
		return maxConf, nil
	}
	return 0, fmt.Errorf("%w: not a raft log: unknown bucket %q", ErrCorrupt, name)
}

func (w *logWalk) leaf(bucket string, key, head []byte, size int) error {
	if bucket == bucketConf {
		w.keys[string(key)] = struct{}{}
		_, err := unframe(bucket, key, head)
		return err
	}
	if len(key) != 8 {
		return corrupt(bucket, key, "key isn't an index")
	}
	piece := binary.BigEndian.Uint64(key)
	return w.sizes.load(piece>>pieceBits, piece&(1<<pieceBits-1), uint64(size))
}
