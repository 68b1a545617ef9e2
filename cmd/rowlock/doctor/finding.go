// Package doctor examines a group of servers from where it runs: a member's host, an operator's, or a worker's pod. It changes
// nothing. Each examination ends in a finding, and each finding that isn't good says how to mend it.
package doctor

import "fmt"

// Grade is how bad a finding is.
type Grade string

// The grades.
const (
	Good    Grade = "ok"
	Warning Grade = "warning" // it works, and won't always
	Bad     Grade = "bad"     // it doesn't work, or a promise is at risk
	Unknown Grade = "unknown" // it couldn't be found out, and nothing says that it is bad
)

// Finding is the result of one examination.
type Finding struct {
	Grade   Grade  `json:"grade"`
	Check   string `json:"check"`   // what was examined: dns, port, tls, health, version, clock, disk, …
	Subject string `json:"subject"` // of whom: an address, a member, a file
	Found   string `json:"found"`
	Mend    string `json:"mend,omitempty"`
}

// Report gathers findings in the order in which they were made.
type Report struct{ Findings []Finding }

func (r *Report) add(g Grade, check, subject, mend, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Grade: g, Check: check, Subject: subject, Found: fmt.Sprintf(format, args...), Mend: mend})
}

func (r *Report) good(check, subject, format string, args ...any) {
	r.add(Good, check, subject, "", format, args...)
}

// Count is how many findings have a grade.
func (r *Report) Count(g Grade) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Grade == g {
			n++
		}
	}
	return n
}
