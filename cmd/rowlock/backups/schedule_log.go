package backups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
)

// logPause is how often it is looked whether the log has been archived up to the last full backup.
const logPause = 30 * time.Second

// proveLog replays the log at the destination from the full backup before the last one on, through the last one. done: what there is to
// find out has been found out; an error then speaks against the archives.
//
// Moments behind the last full backup are proved together with the next one.
func (s *Schedule) proveLog(ctx context.Context) (done bool, err error) {
	if s.storedOnly() || len(s.Keys.Identities) == 0 && s.LogEncrypted {
		return true, nil // the metric says that it isn't proved
	}
	lines, err := logarchive.Request{ClusterID: s.ClusterID(), Timeline: s.saved.Timeline}.Lines(ctx, s.To)
	if err != nil {
		return false, err
	}
	line := &lines[len(lines)-1]
	if !archivedTo(line, s.saved.Index) {
		return false, nil
	}
	from := line.Fulls[0].Name
	for _, f := range line.Fulls {
		if f.Index < s.saved.Index {
			from = f.Name
		}
	}
	t, err := VerifyLog(ctx, s.To, LogOptions{ClusterID: line.ClusterID, Timeline: line.Timeline, From: from, Keys: s.Keys, Dir: s.TempDir})
	switch {
	case errors.Is(err, archive.ErrKey):
		return true, fmt.Errorf("the log can't be proved: %w", err)
	case err != nil:
		return false, err
	}
	if err := t.Err(); err != nil {
		return true, fmt.Errorf("the log behind %s: %w", from, err)
	}
	end, _ := t.End()
	s.metrics.set(func() { s.metrics.logProved = end.Time })
	s.Logger.Info("proved the log", "at", s.To.String(), "behind", from, "index", end.Index, "time", end.Time)
	return true, MarkLog(ctx, s.To, t, s.Now())
}

// archivedTo reports whether the archives of a line go up to an entry, whatever is missing before.
func archivedTo(line *logarchive.Line, index uint64) bool {
	for _, g := range line.Segments {
		if g.Last >= index {
			return true
		}
	}
	return false
}

// logMark is what is noted of a trial replay that succeeded, in an object of its own for each timeline.
type logMark struct {
	Timeline string           `json:"timeline"`
	From     logarchive.Point `json:"from"`
	To       logarchive.Point `json:"to"`
	Verified time.Time        `json:"verified"`
}

func logMarkName(cluster, timeline string) string {
	return cluster + markDir + "log-" + timeline + markSuffix
}

// MarkLog notes at the destination up to where a trial replay succeeded, for whoever leads next.
func MarkLog(ctx context.Context, b bucket.Bucket, t *Timeline, now time.Time) error {
	last := t.Replays[len(t.Replays)-1]
	text, err := json.Marshal(logMark{Timeline: t.Name, From: last.From, To: last.To, Verified: now.UTC()})
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, logMarkName(t.ClusterID, t.Name), strings.NewReader(string(text)+"\n"))
	return err
}

// maxLogMark bounds a mark, in bytes.
const maxLogMark = 4 << 10

// readLogMark reads up to where a trial replay of a timeline last succeeded; the zero time: that isn't noted.
func readLogMark(ctx context.Context, b bucket.Bucket, cluster, timeline string) (time.Time, error) {
	o, err := b.Open(ctx, logMarkName(cluster, timeline))
	if errors.Is(err, bucket.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer o.Close()
	text, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size(), maxLogMark)))
	if err != nil {
		return time.Time{}, err
	}
	var m logMark
	if json.Unmarshal(text, &m) != nil || m.Timeline != timeline { // not a mark: the next proof writes it again
		return time.Time{}, nil
	}
	return m.To.Time, nil
}
