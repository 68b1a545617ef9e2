package archive

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Suffix is that of an archive's name.
const Suffix = ".rowlock"

// Name is where an archive lies in a bucket. Names of a cluster and kind sort by timeline, then by entry.
type Name struct {
	ClusterID string
	Kind      string
	Timeline  string
	First     uint64 // of Log: index of the first entry
	Index     uint64 // of the last entry covered
}

// Name is the name of the manifest's archive in a bucket.
func (m Manifest) Name() Name {
	return Name{ClusterID: m.ClusterID, Kind: m.Kind, Timeline: m.Timeline, First: m.FirstIndex, Index: m.Index}
}

// String is the object's name: `<cluster-id>/full/<timeline>-<index>.rowlock` or
// `<cluster-id>/log/<timeline>-<first>-<last>.rowlock`, the indexes with 20 digits.
func (n Name) String() string {
	if n.Kind == Log {
		return path.Join(n.ClusterID, Log, fmt.Sprintf("%s-%020d-%020d%s", n.Timeline, n.First, n.Index, Suffix))
	}
	return path.Join(n.ClusterID, n.Kind, fmt.Sprintf("%s-%020d%s", n.Timeline, n.Index, Suffix))
}

var (
	fullName = regexp.MustCompile(`^([^/]+)/full/([0-9a-f]{16})-(\d{20})\.rowlock$`)
	logName  = regexp.MustCompile(`^([^/]+)/log/([0-9a-f]{16})-(\d{20})-(\d{20})\.rowlock$`)
)

// ParseName reads an object's name; false: it isn't an archive's.
func ParseName(s string) (Name, bool) {
	if p := fullName.FindStringSubmatch(s); p != nil {
		index, err := strconv.ParseUint(p[3], 10, 64)
		return Name{ClusterID: p[1], Kind: Full, Timeline: p[2], Index: index}, err == nil && clusterForm.MatchString(p[1])
	}
	p := logName.FindStringSubmatch(s)
	if p == nil {
		return Name{}, false
	}
	first, err1 := strconv.ParseUint(p[3], 10, 64)
	last, err2 := strconv.ParseUint(p[4], 10, 64)
	n := Name{ClusterID: p[1], Kind: Log, Timeline: p[2], First: first, Index: last}
	return n, err1 == nil && err2 == nil && clusterForm.MatchString(p[1])
}

// Prefix is the beginning of the names of a cluster's archives of a kind; of all kinds if it is empty.
func Prefix(clusterID, kind string) string {
	return strings.TrimSuffix(path.Join(clusterID, kind), "/") + "/"
}
