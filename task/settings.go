package task

// The settings of a queue that came after the first format travel behind everything else, each with its tag, and only where
// they are set: what doesn't use them is encoded as it always was.

// Tags of these settings. They are part of the formats of the log and the state file.
const (
	settingMaxTasks = iota + 1
	settingMaxBytes
	settingDeadLetterQueue
)

// more reports whether any of these settings is set.
func (s *QueueSettings) more() bool {
	return s.MaxTasks != 0 || s.MaxBytes != 0 || s.DeadLetterQueue != ""
}

func (s *QueueSettings) appendMore(b []byte) []byte {
	if s.MaxTasks != 0 {
		b = appendUint(append(b, settingMaxTasks), s.MaxTasks)
	}
	if s.MaxBytes != 0 {
		b = appendUint(append(b, settingMaxBytes), s.MaxBytes)
	}
	if s.DeadLetterQueue != "" {
		b = appendBytes(append(b, settingDeadLetterQueue), s.DeadLetterQueue)
	}
	return b
}

// readMore reads to the end. Strings alias the reader's bytes.
func (s *QueueSettings) readMore(r *reader) {
	for len(r.b) > 0 {
		switch r.byte() {
		case settingMaxTasks:
			s.MaxTasks = r.uint()
		case settingMaxBytes:
			s.MaxBytes = r.uint()
		case settingDeadLetterQueue:
			s.DeadLetterQueue = r.string()
		default:
			r.fail()
		}
	}
}
