package logarchive

import (
	"fmt"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// Segment is a log archive as its name tells.
type Segment struct {
	Name        string // of the object
	First, Last uint64 // of its entries
	Size        int64  // of the object, in bytes
	archive     archive.Name
}

// Full is a full backup as its name tells.
type Full struct {
	Name      string // of the object
	ClusterID string
	Timeline  string
	Index     uint64 // of the last entry that it has
	Size      int64
}

// TimelineName is how names and manifests write a timeline.
func TimelineName(timeline uint64) string { return fmt.Sprintf("%016x", timeline) }

// parse reads an object's name: of a full backup, of a log archive, or neither.
func parse(o bucket.Info) (n archive.Name, ok bool) {
	n, ok = archive.ParseName(o.Name)
	if n.Kind == archive.Log && (n.First == 0 || n.Index < n.First) {
		return n, false
	}
	return n, ok
}
