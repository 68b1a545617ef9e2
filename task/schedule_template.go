package task

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The placeholders of a template's payload. They are replaced as bytes, wherever they are; nothing else is interpreted.
const (
	// PlaceholderTime becomes the nominal time in RFC 3339, UTC: 2026-03-29T01:00:00Z.
	PlaceholderTime = "{{nominal_time}}"
	// PlaceholderUnix becomes the nominal time in seconds since 1970.
	PlaceholderUnix = "{{nominal_unix}}"
	// PlaceholderSchedule becomes the schedule's name.
	PlaceholderSchedule = "{{schedule}}"
)

// ExpandPayload fills in a template's placeholders. The result may be the template itself.
func ExpandPayload(template []byte, schedule string, nominal Time) []byte {
	if !bytes.Contains(template, []byte("{{")) {
		return template
	}
	return []byte(strings.NewReplacer(
		PlaceholderTime, time.UnixMicro(nominal).UTC().Format(time.RFC3339),
		PlaceholderUnix, strconv.FormatInt(nominal/second, 10),
		PlaceholderSchedule, schedule,
	).Replace(string(template)))
}

// task is what a tick asks the queue to accept. It may alias the template.
func (s *schedule) task(nominal Time) NewTask {
	r := reader{b: s.template}
	var t NewTask
	t.read(&r)
	if r.done() != nil {
		panic("task: a schedule's template in memory doesn't decode")
	}
	t.Payload = ExpandPayload(t.Payload, s.name, nominal)
	return t
}
