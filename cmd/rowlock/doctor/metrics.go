package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// maxMetrics is how many bytes of metrics are read of a member.
	maxMetrics = 64 << 20
	// slowFsync and worstFsync judge how long a write to the log takes on average, fsync included.
	slowFsync, worstFsync = 20 * time.Millisecond, 100 * time.Millisecond
	// fullWarning and fullBad are parts of a disk that are in use.
	fullWarning, fullBad = 0.85, 0.95
	// lateBackup is how old the last good backup may be: a daily one that failed once, and some time.
	lateBackup = 26 * time.Hour
	// lateArchive is for how long what was executed may wait to be archived.
	lateArchive = 5 * time.Minute
)

// metrics are a member's.
type metrics map[string]*dto.MetricFamily

// gauge returns a metric without labels.
func (m metrics) gauge(name string) (float64, bool) {
	f := m[name]
	if f == nil || len(f.GetMetric()) == 0 {
		return 0, false
	}
	x := f.GetMetric()[0]
	if x.GetCounter() != nil {
		return x.GetCounter().GetValue(), true
	}
	return x.GetGauge().GetValue(), true
}

// mean is that of a histogram's series with a label.
func (m metrics) mean(name, label, value string) (time.Duration, bool) {
	for _, x := range m[name].GetMetric() {
		for _, l := range x.GetLabel() {
			if l.GetName() == label && l.GetValue() == value && x.GetHistogram().GetSampleCount() > 0 {
				h := x.GetHistogram()
				return time.Duration(h.GetSampleSum() / float64(h.GetSampleCount()) * float64(time.Second)), true
			}
		}
	}
	return 0, false
}

// observe reads a member's metrics and judges them.
func (d *Doctor) observe(ctx context.Context, m *member) {
	id, addr := m.status.GetNodeId(), withPort(m.status.GetHttpAddress(), m.addr)
	if addr == "" {
		d.add(Unknown, "port", "HTTP of "+id, "", "the member doesn't tell its address: it is of an older version")
		return
	}
	if !d.port(ctx, "HTTP", addr) {
		return
	}
	var err error
	if m.values, err = fetch(ctx, "http://"+addr+"/metrics"); err != nil {
		d.add(Bad, "metrics", addr, "see the member's log", "%s", lastCause(err))
		return
	}
	free, known := m.values.gauge("rowlock_disk_free_bytes")
	total, _ := m.values.gauge("rowlock_disk_size_bytes")
	if known && total > 0 {
		d.room(id, uint64(free), uint64(total))
	}
	if mean, ok := m.values.mean("rowlock_log_store_seconds", "operation", "store_logs"); ok {
		d.fsync(id, "writes to the log take %s on average", mean)
	}
	if n, _ := m.values.gauge("rowlock_state_hash_mismatch_total"); n > 0 {
		d.add(Bad, "state", id, "a member's disk or memory is at fault: see its log for the member that differs, and rebuild that", "members had different states %.0f times", n)
	}
	if n, _ := m.values.gauge("rowlock_checkpoint_failures_total"); n > 0 {
		d.add(Warning, "state", id, "give the disk room", "%.0f checkpoints failed for lack of space since it started", n)
	}
}

func fetch(ctx context.Context, url string) (metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(io.LimitReader(resp.Body, maxMetrics))
}

// room judges a disk.
func (d *Doctor) room(subject string, free, total uint64) {
	used := 1 - float64(free)/float64(total)
	grade, mend := Good, ""
	const give = "enlarge the volume, shorten the retention ('rowlock queue set --help'), or give free pages back with 'rowlock vacuum'"
	switch {
	case used > fullBad:
		grade, mend = Bad, give
	case used > fullWarning:
		grade, mend = Warning, give
	}
	d.add(grade, "disk", subject, mend, "%.0f%% used, %s of %s free", used*100, gibibytes(free), gibibytes(total))
}

func (d *Doctor) fsync(subject, format string, took time.Duration) {
	grade, mend := Good, ""
	const faster = "every acknowledged task waits for this: use a local SSD for the data directory, and keep other load off it"
	switch {
	case took > worstFsync:
		grade, mend = Bad, faster
	case took > slowFsync:
		grade, mend = Warning, faster
	}
	d.add(grade, "fsync", subject, mend, format, span(took))
}

func gibibytes(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

// backups judges by the members' metrics how old the last good backup is, and how far the archive of the log is behind.
func (d *Doctor) backups() {
	var known bool
	var last, lag, failing float64
	for _, m := range d.members {
		if at, ok := m.values.gauge("rowlock_backup_last_success_timestamp_seconds"); ok {
			known = true
			last = max(last, at)
		}
		if v, ok := m.values.gauge("rowlock_archive_lag_seconds"); ok {
			lag = max(lag, v)
		}
		if v, ok := m.values.gauge("rowlock_archive_failing"); ok {
			failing = max(failing, v)
		}
	}
	d.backupAge(known, last)
	if last > 0 {
		d.proofs()
	}
	behind := time.Duration(lag * float64(time.Second))
	const mend = "see the leader's log: the destination may be full, gone, or refuse its credentials"
	switch {
	case failing > 0:
		d.add(Bad, "archive", "log", mend, "the last try failed; what waits is %s old", span(behind))
	case behind > lateArchive:
		d.add(Bad, "archive", "log", mend, "what waits to be archived is %s old", span(behind))
	}
}

func (d *Doctor) backupAge(known bool, last float64) {
	const mend = "let the servers make backups, and try them: see docs/runbook/backup.md"
	if len(d.members) == 0 {
		return
	}
	if !known || last == 0 {
		d.add(Warning, "backup", "group", mend, "the members make no backups by themselves")
		return
	}
	age := d.Now().Sub(time.Unix(int64(last), 0))
	if age > lateBackup {
		d.add(Bad, "backup", "group", "see the leader's log for why the last ones failed, and make one now: rowlock backup save", "the last good one is %s old", span(age))
		return
	}
	d.good("backup", "group", "the last good one is %s old", span(max(age, 0)))
}
