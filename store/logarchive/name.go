package logarchive

import (
	"fmt"
	"regexp"
	"strconv"
)

// Segment is a log archive as its name tells.
type Segment struct {
	Name        string
	ClusterID   string
	Timeline    string // 16 hex digits
	First, Last uint64 // of its entries
	Size        int64  // of the object, in bytes
}

// Full is a full backup as its name tells.
type Full struct {
	Name      string
	ClusterID string
	Timeline  string
	Index     uint64 // of the last entry that it has
	Size      int64
}

var (
	segmentName = regexp.MustCompile(`^([^/]+)/log/([0-9a-f]{16})-([0-9]{20})-([0-9]{20})\.rowlock$`)
	fullName    = regexp.MustCompile(`^([^/]+)/full/([0-9a-f]{16})-([0-9]{20})\.rowlock$`)
)

// TimelineName is how names and manifests write a timeline.
func TimelineName(timeline uint64) string { return fmt.Sprintf("%016x", timeline) }

// SegmentName is the name of a log archive's object.
func SegmentName(cluster, timeline string, first, last uint64) string {
	return fmt.Sprintf("%s/log/%s-%020d-%020d.rowlock", cluster, timeline, first, last)
}

// FullName is the name of a full backup's object.
func FullName(cluster, timeline string, index uint64) string {
	return fmt.Sprintf("%s/full/%s-%020d.rowlock", cluster, timeline, index)
}

// parseSegment reads a name; false: it is no log archive's.
func parseSegment(name string, size int64) (Segment, bool) {
	parts := segmentName.FindStringSubmatch(name)
	if parts == nil {
		return Segment{}, false
	}
	first, err1 := strconv.ParseUint(parts[3], 10, 64)
	last, err2 := strconv.ParseUint(parts[4], 10, 64)
	if err1 != nil || err2 != nil || first == 0 || last < first {
		return Segment{}, false
	}
	return Segment{Name: name, ClusterID: parts[1], Timeline: parts[2], First: first, Last: last, Size: size}, true
}

// parseFull reads a name; false: it is no full backup's.
func parseFull(name string, size int64) (Full, bool) {
	parts := fullName.FindStringSubmatch(name)
	if parts == nil {
		return Full{}, false
	}
	index, err := strconv.ParseUint(parts[3], 10, 64)
	if err != nil {
		return Full{}, false
	}
	return Full{Name: name, ClusterID: parts[1], Timeline: parts[2], Index: index, Size: size}, true
}
