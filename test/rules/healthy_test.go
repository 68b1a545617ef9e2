package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// member is what a healthy member exports of the metrics that the rules ask for; what only the leader does is in leader.
const member = `
	up{job="rowlock", instance="%[1]s"} 1x120
	rowlock_raft_leader{job="rowlock", instance="%[1]s"} %[2]s
	rowlock_degraded{job="rowlock", instance="%[1]s"} 0x120
	rowlock_state_hash_mismatch_total{job="rowlock", instance="%[1]s"} 0x120
	api_requests_total{job="rowlock", instance="%[1]s", service="TaskService", method="Enqueue"} 0+3000x120
	api_errors_total{job="rowlock", instance="%[1]s", service="TaskService", method="Enqueue"} 0x60 12x60
	api_request_duration_seconds_bucket{job="rowlock", instance="%[1]s", service="TaskService", method="Enqueue", le="0.5"} 0+2998x120
	api_request_duration_seconds_bucket{job="rowlock", instance="%[1]s", service="TaskService", method="Enqueue", le="+Inf"} 0+3000x120
	rowlock_disk_size_bytes{job="rowlock", instance="%[1]s"} 1e12x120
	rowlock_disk_free_bytes{job="rowlock", instance="%[1]s"} 6e11x120
	rowlock_log_store_seconds_sum{job="rowlock", instance="%[1]s", operation="store_logs"} 0+9x120
	rowlock_log_store_seconds_count{job="rowlock", instance="%[1]s", operation="store_logs"} 0+3000x120
	process_cpu_seconds_total{job="rowlock", instance="%[1]s"} 0+30x120
	go_sched_gomaxprocs_threads{job="rowlock", instance="%[1]s"} 4x120
	process_resident_memory_bytes{job="rowlock", instance="%[1]s"} 1e9x120
	go_gc_gomemlimit_bytes{job="rowlock", instance="%[1]s"} 3e9x120`

// leader is what the leader exports; %[2]s is before it leads, %[3]s from then on.
const leader = `
	task_queue_size{job="rowlock", instance="%[1]s", queue="mail"} %[2]s 20 400 10 0 30 800 5 20 400 10 0 30 800 5 %[3]s
	rowlock_worker_sessions{job="rowlock", instance="%[1]s"} %[2]s 8x50 %[3]s
	rowlock_queue_tasks{job="rowlock", instance="%[1]s", queue="mail", state="running"} %[2]s 40x50 %[3]s
	rowlock_queue_tasks{job="rowlock", instance="%[1]s", queue="mail", state="dead_letter"} %[2]s 4x50 %[3]s
	rowlock_queue_completed_total{job="rowlock", instance="%[1]s", queue="mail"} %[2]s 100000+9000x50 %[3]s
	rowlock_queue_failed_attempts_total{job="rowlock", instance="%[1]s", queue="mail"} %[2]s 900+90x50 %[3]s
	rowlock_schedule_lag_seconds{job="rowlock", instance="%[1]s"} %[2]s 0x50 %[3]s
	rowlock_backup_last_success_timestamp_seconds{job="rowlock", instance="%[1]s"} %[2]s %[4]dx50 %[3]s
	rowlock_backup_last_verified_timestamp_seconds{job="rowlock", instance="%[1]s"} %[2]s %[4]dx50 %[3]s
	rowlock_backup_log_verified_timestamp_seconds{job="rowlock", instance="%[1]s"} %[2]s %[4]dx50 %[3]s
	rowlock_backup_trial_restores{job="rowlock", instance="%[1]s"} %[2]s 1x50 %[3]s
	rowlock_archive_failing{job="rowlock", instance="%[1]s"} %[2]s 0x50 %[3]s`

// TestHealthyGroup: a group with load, some errors and a change of its leader alerts nobody.
func TestHealthyGroup(t *testing.T) {
	yesterday := start - 24*3600
	series := []string{
		fmt.Sprintf(member, "n1", "1x50 0x69"),
		fmt.Sprintf(member, "n2", "0x51 1x69"),
		fmt.Sprintf(member, "n3", "0x120"),
		fmt.Sprintf(leader, "n1", "", "stale", yesterday),
		fmt.Sprintf(leader, "n2", "_x51", "", yesterday),
	}
	evaluate(t, strings.Join(series, ""), 30*time.Second, 45*time.Minute, quiet(t, "a healthy group"))
}
