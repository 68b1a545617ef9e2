package rpc

import (
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// The checks of this file refuse with one sentence that names the field. `at` is what stands before the field's name,
// such as "tasks[3].", or empty.

const queueRule = "1 to 128 letters, digits, dots, underscores and hyphens, of which the first is a letter or digit"

// validQueue reports whether a name is [A-Za-z0-9][A-Za-z0-9._-]{0,127}.
func validQueue(name string) bool {
	if len(name) == 0 || len(name) > 128 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

func checkQueue(at, field, name string) error {
	if name == "" {
		return invalid("%s%s is required: the queue's name", at, field)
	}
	if !validQueue(name) {
		return invalid("%s%s %q is no queue name: %s", at, field, clip(name), queueRule)
	}
	return nil
}

// clip shortens what the caller sent for an error message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func checkLength(at, field, s string, most int) error {
	if len(s) > most {
		return invalid("%s%s has %d bytes, but may have at most %d", at, field, len(s), most)
	}
	return nil
}

func checkRequestID(id string) error { return checkLength("", "request_id", id, maxRequestID) }

// longest is the longest duration that is taken: 100 years.
const longest = 100 * 365 * 24 * 3600.0

// microseconds converts a field in seconds.
func microseconds(at, field string, seconds float64) (task.Duration, error) {
	if seconds == 0 {
		return 0, nil
	}
	if math.IsNaN(seconds) || seconds < 0 {
		return 0, invalid("%s%s must not be negative", at, field)
	}
	if seconds > longest {
		return 0, invalid("%s%s must not exceed 100 years", at, field)
	}
	return max(task.Duration(math.Round(seconds*1e6)), 1), nil
}

// moment converts a time; 0 where it isn't given.
func moment(at, field string, t *timestamppb.Timestamp) (task.Time, error) {
	if t == nil {
		return 0, nil
	}
	if t.CheckValid() != nil || t.GetSeconds() < 0 {
		return 0, invalid("%s%s must be a time of the years 1970 to 9999", at, field)
	}
	return max(t.GetSeconds()*1e6+int64(t.GetNanos())/1000, 1), nil
}

func checkPriority(at string, p uint32) error {
	if p > 9 {
		return invalid("%spriority must be 0 to 9, not %d", at, p)
	}
	return nil
}

// labels converts a map into a list that is sorted by key.
func labels(field string, m map[string]string) ([]task.Label, error) {
	if len(m) == 0 {
		return nil, nil
	}
	if len(m) > maxLabels {
		return nil, invalid("%s has %d labels, but may have at most %d", field, len(m), maxLabels)
	}
	list := make([]task.Label, 0, len(m))
	for k, v := range m {
		if k == "" {
			return nil, invalid("%s has an empty key", field)
		}
		if len(k) > maxLabelKey {
			return nil, invalid("%s has the key %q, but a key may have at most %d bytes", field, clip(k), maxLabelKey)
		}
		if len(v) > maxLabelValue {
			return nil, invalid("%s[%q] has %d bytes, but may have at most %d", field, k, len(v), maxLabelValue)
		}
		list = append(list, task.Label{Key: k, Value: v})
	}
	sortLabels(list)
	return list, nil
}

func backoff(at string, b *pb.Backoff) (task.Backoff, error) {
	if b == nil {
		return task.Backoff{}, nil
	}
	var (
		out task.Backoff
		err error
	)
	if out.Initial, err = microseconds(at, "backoff.initial_seconds", b.GetInitialSeconds()); err != nil {
		return out, err
	}
	if out.Maximum, err = microseconds(at, "backoff.maximum_seconds", b.GetMaximumSeconds()); err != nil {
		return out, err
	}
	if out.Maximum != 0 && out.Maximum < out.Initial {
		return out, invalid("%sbackoff.maximum_seconds must not be below initial_seconds", at)
	}
	if m := b.GetMultiplier(); m != 0 {
		if !(m >= 1 && m <= 1000) {
			return out, invalid("%sbackoff.multiplier must be 1 to 1000", at)
		}
		out.Multiplier = uint32(math.Round(m * 1000))
	}
	if n := len(b.GetDelaysSeconds()); n > maxDelays {
		return out, invalid("%sbackoff.delays_seconds has %d delays, but may have at most %d", at, n, maxDelays)
	}
	for _, d := range b.GetDelaysSeconds() {
		us, err := microseconds(at, "backoff.delays_seconds", d)
		if err != nil {
			return out, err
		}
		out.Delays = append(out.Delays, us)
	}
	return out, nil
}

// taskIDs parses a list of IDs.
func taskIDs(at, field string, ids []string, most int) ([]task.ID, error) {
	if len(ids) > most {
		return nil, invalid("%s%s has %d IDs, but may have at most %d", at, field, len(ids), most)
	}
	list := make([]task.ID, len(ids))
	for i, s := range ids {
		id, err := task.ParseID(s)
		if err != nil {
			return nil, invalid("%s%s[%d] %q is %v", at, field, i, clip(s), err)
		}
		list[i] = id
	}
	return list, nil
}

func taskID(field, s string) (task.ID, error) {
	if s == "" {
		return 0, invalid("%s is required: a task ID", field)
	}
	id, err := task.ParseID(s)
	if err != nil {
		return 0, invalid("%s %q is %v", field, clip(s), err)
	}
	return id, nil
}

// pageLimit checks a list call's limit.
func pageLimit(limit uint32) (int, error) {
	if limit > maxPage {
		return 0, invalid("limit must be 1 to %d, not %d", maxPage, limit)
	}
	if limit == 0 {
		return defaultPage, nil
	}
	return int(limit), nil
}

// cutText shortens a text to at most n bytes, and not within a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "�")
}
