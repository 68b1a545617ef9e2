package rules

import (
	"fmt"
	"time"
)

// example is when an alert fires and when it doesn't. The series have a sample every 30 seconds and are looked at for half an hour,
// unless it says otherwise; `1x3` are four samples, of which the first is at the beginning.
type example struct {
	alert string
	fires string        // series that make it fire, and no other alert
	after time.Duration // when it fires first; it goes on to the end
	says  string        // its summary then
	quiet []string      // series each of which leaves all alerts quiet

	every, length time.Duration
}

var healthExamples = []example{{
	alert: "RowlockMemberDown", after: 3 * time.Minute, says: "Member n1 doesn't answer",
	fires: `
		up{job="rowlock", instance="n1"} 1x3 0x80
		up{job="rowlock", instance="n2"} 1x84`,
	quiet: []string{`
		up{job="rowlock", instance="n1"} 1x10 0 1x80
		up{job="another", instance="n1"} 0x84`},
}, {
	alert: "RowlockNoLeader", after: 2 * time.Minute, says: "No member leads: nothing is accepted",
	fires: `
		rowlock_raft_leader{instance="n1"} 1x2 0x80
		rowlock_raft_leader{instance="n2"} 0x84`,
	quiet: []string{`
		rowlock_raft_leader{instance="n1"} 1x10 0x74
		rowlock_raft_leader{instance="n2"} 0x11 1x74`},
}, {
	alert: "RowlockSlowAPI", after: 5*time.Minute + 30*time.Second, says: "TaskService.Enqueue takes 750ms (99th percentile)",
	fires: `
		api_request_duration_seconds_bucket{instance="n1", service="TaskService", method="Enqueue", le="0.5"} 0+48x84
		api_request_duration_seconds_bucket{instance="n1", service="TaskService", method="Enqueue", le="1"} 0+50x84
		api_request_duration_seconds_bucket{instance="n1", service="TaskService", method="Enqueue", le="+Inf"} 0+50x84
		api_request_duration_seconds_bucket{instance="n2", service="TaskService", method="Enqueue", le="0.5"} 0+50x84
		api_request_duration_seconds_bucket{instance="n2", service="TaskService", method="Enqueue", le="1"} 0+50x84
		api_request_duration_seconds_bucket{instance="n2", service="TaskService", method="Enqueue", le="+Inf"} 0+50x84`,
	quiet: []string{`
		api_request_duration_seconds_bucket{instance="n1", service="TaskService", method="Enqueue", le="0.5"} 0+100x84
		api_request_duration_seconds_bucket{instance="n1", service="TaskService", method="Enqueue", le="1"} 0+101x84
		api_request_duration_seconds_bucket{instance="n1", service="TaskService", method="Enqueue", le="+Inf"} 0+101x84
		api_request_duration_seconds_bucket{instance="n1", service="WorkerService", method="Lease", le="0.5"} 0x84
		api_request_duration_seconds_bucket{instance="n1", service="WorkerService", method="Lease", le="30"} 0+100x84
		api_request_duration_seconds_bucket{instance="n1", service="WorkerService", method="Lease", le="+Inf"} 0+100x84`},
}, {
	alert: "RowlockHighErrorRate", after: 2*time.Minute + 30*time.Second, says: "2% of the calls fail",
	fires: `
		api_requests_total{instance="n1", service="TaskService", method="Enqueue"} 0+60x84
		api_requests_total{instance="n2", service="TaskService", method="Get"} 0+40x84
		api_errors_total{instance="n1", service="TaskService", method="Enqueue"} 0+2x84`,
	quiet: []string{`
		api_requests_total{instance="n1", service="TaskService", method="Enqueue"} 0+101x84
		api_errors_total{instance="n1", service="TaskService", method="Enqueue"} 0+1x84`, `
		api_requests_total{instance="n1", service="TaskService", method="Enqueue"} 7x84
		api_errors_total{instance="n1", service="TaskService", method="Enqueue"} 7x84`},
}, {
	alert: "RowlockStateHashMismatch", after: 2*time.Minute + 30*time.Second, says: "Members had different states: a disk or memory is at fault",
	fires: `rowlock_state_hash_mismatch_total{instance="n1"} 0x4 1x80`,
	quiet: []string{`rowlock_state_hash_mismatch_total{instance="n1"} 3x84`},
}, {
	alert: "RowlockDegraded", after: 90 * time.Second, says: "n1 can't write its state: new tasks are refused",
	fires: `
		rowlock_degraded{instance="n1"} 0x2 1x80
		rowlock_degraded{instance="n2"} 0x84`,
	quiet: []string{`rowlock_degraded{instance="n1"} 0x84`},
}}

var taskExamples = []example{{
	alert: "RowlockQueueGrowing", after: 10*time.Minute + 30*time.Second, says: "Queue mail has 210 tasks and grows",
	fires: `task_queue_size{instance="n1", queue="mail"} 0+10x84`,
	quiet: []string{`
		task_queue_size{instance="n1", queue="full"} 500x84
		task_queue_size{instance="n1", queue="shrinks"} 2000-10x84
		task_queue_size{instance="n1", queue="small"} 0+1x84`},
}, {
	alert: "RowlockNoWorkers", after: 8 * time.Minute, says: "Tasks wait, and no worker is connected",
	fires: `
		task_queue_size{instance="n1", queue="mail"} 5x84
		rowlock_worker_sessions{instance="n1"} 3x5 0x80`,
	quiet: []string{`
		task_queue_size{instance="n1", queue="mail"} 5x84
		rowlock_worker_sessions{instance="n1"} 1x84`, `
		task_queue_size{instance="n1", queue="mail"} 0x84
		rowlock_worker_sessions{instance="n1"} 0x84`},
}, {
	// The leader changes in between.
	alert: "RowlockFailingTasks", after: 5*time.Minute + 30*time.Second, says: "6% of the attempts of queue mail fail",
	fires: `
		rowlock_queue_failed_attempts_total{instance="n1", queue="mail"} 0+6x20 stale
		rowlock_queue_failed_attempts_total{instance="n2", queue="mail"} _x21 126+6x60
		rowlock_queue_completed_total{instance="n1", queue="mail"} 0+94x20 stale
		rowlock_queue_completed_total{instance="n2", queue="mail"} _x21 1974+94x60`,
	quiet: []string{`
		rowlock_queue_failed_attempts_total{instance="n1", queue="mail"} 0+4x20 stale
		rowlock_queue_failed_attempts_total{instance="n2", queue="mail"} _x21 84+4x60
		rowlock_queue_completed_total{instance="n1", queue="mail"} 0+96x20 stale
		rowlock_queue_completed_total{instance="n2", queue="mail"} _x21 2016+96x60`, `
		rowlock_queue_failed_attempts_total{instance="n1", queue="idle"} 9x84
		rowlock_queue_completed_total{instance="n1", queue="idle"} 9x84`},
}, {
	// A second yesterday, and four from half an hour after that on.
	alert: "RowlockTasksRunLonger", after: 25*time.Hour + 6*time.Minute,
	says: "Attempts of queue mail take three times as long as yesterday: 4s",
	fires: `
		rowlock_queue_tasks{instance="n1", queue="mail", state="running"} 1x490 4x30
		rowlock_queue_failed_attempts_total{instance="n1", queue="mail"} 0+6x520
		rowlock_queue_completed_total{instance="n1", queue="mail"} 0+174x520`,
	quiet: []string{`
		rowlock_queue_tasks{instance="n1", queue="mail", state="running"} 1x490 2x30
		rowlock_queue_failed_attempts_total{instance="n1", queue="mail"} 0x520
		rowlock_queue_completed_total{instance="n1", queue="mail"} 0+180x520`},
	every: 3 * time.Minute, length: 26 * time.Hour,
}, {
	alert: "RowlockDeadLetters", after: 5*time.Minute + 30*time.Second, says: "Queue mail has 11 dead letters",
	fires: `rowlock_queue_tasks{instance="n1", queue="mail", state="dead_letter"} 0+1x84`,
	quiet: []string{`
		rowlock_queue_tasks{instance="n1", queue="mail", state="dead_letter"} 10x20 stale
		rowlock_queue_tasks{instance="n2", queue="mail", state="dead_letter"} _x21 10x60
		rowlock_queue_tasks{instance="n1", queue="mail", state="pending"} 90x84`},
}, {
	alert: "RowlockSchedulesLate", after: 4 * time.Minute, says: "A schedule's tick waits for 1m 1s",
	fires: `rowlock_schedule_lag_seconds{instance="n1"} 0x3 61x80`,
	quiet: []string{`rowlock_schedule_lag_seconds{instance="n1"} 60x84`, `rowlock_schedule_lag_seconds{instance="n1"} 0x3 90x3 0x80`},
}}

var resourceExamples = []example{{
	alert: "RowlockDiskFull", after: 7 * time.Minute, says: "The disk of n1 is 86% full",
	fires: `
		rowlock_disk_size_bytes{instance="n1"} 100x84
		rowlock_disk_free_bytes{instance="n1"} 20x3 14x80`,
	quiet: []string{`
		rowlock_disk_size_bytes{instance="n1"} 100x84
		rowlock_disk_free_bytes{instance="n1"} 16x84`},
}, {
	alert: "RowlockSlowDisk", after: 5*time.Minute + 30*time.Second, says: "Writes to the log of n1 take 60ms",
	fires: `
		rowlock_log_store_seconds_sum{instance="n1", operation="store_logs"} 0+6x84
		rowlock_log_store_seconds_count{instance="n1", operation="store_logs"} 0+100x84`,
	quiet: []string{`
		rowlock_log_store_seconds_sum{instance="n1", operation="store_logs"} 0+4x84
		rowlock_log_store_seconds_count{instance="n1", operation="store_logs"} 0+100x84
		rowlock_log_store_seconds_sum{instance="n1", operation="delete_range"} 0+9x84
		rowlock_log_store_seconds_count{instance="n1", operation="delete_range"} 0+1x84`},
}, {
	// A rate over five minutes that begins at nothing has passed the threshold after four and a half.
	alert: "RowlockHighCPU", after: 9*time.Minute + 30*time.Second, says: "n1 uses 90% of its CPUs",
	fires: `
		process_cpu_seconds_total{job="rowlock", instance="n1"} 0+54x84
		go_sched_gomaxprocs_threads{job="rowlock", instance="n1"} 2x84`,
	quiet: []string{`
		process_cpu_seconds_total{job="rowlock", instance="n1"} 0+45x84
		go_sched_gomaxprocs_threads{job="rowlock", instance="n1"} 2x84
		process_cpu_seconds_total{job="another", instance="n1"} 0+60x84
		go_sched_gomaxprocs_threads{job="another", instance="n1"} 2x84`},
}, {
	alert: "RowlockHighMemory", after: 7 * time.Minute, says: "n1 uses 85% of its memory limit",
	fires: `
		process_resident_memory_bytes{job="rowlock", instance="n1"} 500x3 850x80
		go_gc_gomemlimit_bytes{job="rowlock", instance="n1"} 1000x84`,
	quiet: []string{`
		process_resident_memory_bytes{job="rowlock", instance="n1"} 750x84
		go_gc_gomemlimit_bytes{job="rowlock", instance="n1"} 1000x84
		process_resident_memory_bytes{job="rowlock", instance="unlimited"} 1e12x84
		go_gc_gomemlimit_bytes{job="rowlock", instance="unlimited"} 9.223372036854776e18x84`},
}}

// aged is a Unix time that is so old five minutes after the beginning.
func aged(age time.Duration) int { return start + 300 - int(age.Seconds()) }

var backupExamples = []example{{
	alert: "RowlockBackupOld", after: 15*time.Minute + 30*time.Second, says: "The last good backup is 1d 2h 10m 30s old",
	fires: fmt.Sprintf(`
		rowlock_backup_last_success_timestamp_seconds{instance="n1"} %dx84`, aged(26*time.Hour)),
	quiet: []string{fmt.Sprintf(`
		rowlock_backup_last_success_timestamp_seconds{instance="n1"} 0x10 stale
		rowlock_backup_last_success_timestamp_seconds{instance="n2"} _x11 %dx70`, aged(25*time.Hour))},
}, {
	alert: "RowlockBackupUnproven", after: 15*time.Minute + 30*time.Second,
	says: "No trial restore of a backup of the last two days has succeeded",
	fires: fmt.Sprintf(`
		rowlock_backup_last_success_timestamp_seconds{instance="n1"} %dx84
		rowlock_backup_last_verified_timestamp_seconds{instance="n1"} %dx84`, aged(0), aged(50*time.Hour)),
	quiet: []string{fmt.Sprintf(`
		rowlock_backup_last_verified_timestamp_seconds{instance="n1"} %dx84`, aged(49*time.Hour))},
}, {
	alert: "RowlockLogUnproven", after: 15*time.Minute + 30*time.Second,
	says: "No trial replay of the archived log of the last two days has succeeded",
	fires: fmt.Sprintf(`
		rowlock_backup_trial_restores{instance="n1"} 1x84
		rowlock_backup_log_verified_timestamp_seconds{instance="n1"} %dx84`, aged(50*time.Hour)),
	quiet: []string{fmt.Sprintf(`
		rowlock_backup_trial_restores{instance="n1"} 1x84
		rowlock_backup_log_verified_timestamp_seconds{instance="n1"} %dx84`, aged(49*time.Hour)), fmt.Sprintf(`
		rowlock_backup_trial_restores{instance="n1"} 0x84
		rowlock_backup_log_verified_timestamp_seconds{instance="n1"} %dx84`, aged(99*time.Hour))},
}, {
	alert: "RowlockArchiveFailing", after: 7 * time.Minute, says: "The log can't be archived",
	fires: `rowlock_archive_failing{instance="n1"} 0x3 1x80`,
	quiet: []string{`rowlock_archive_failing{instance="n1"} 0x3 1x3 0x80`},
}}
