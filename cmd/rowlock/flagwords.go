package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// fieldFlags are the flags, or arguments in capitals, that fill the API's fields. Of several the one counts that the command has, and of
// those one that was given. A field is found by its name without what holds it (fieldHolders).
var fieldFlags = map[string][]string{
	// of tasks
	"queue": {"queue", "QUEUE"}, "kind": {"kind"}, "payload": {"payload"}, "payload_json": {"payload"}, "priority": {"priority"},
	"delay_seconds": {"delay"}, "run_at": {"at"}, "max_attempts": {"max-attempts"}, "max_worker_deaths": {"max-worker-deaths"},
	"timeout_seconds": {"timeout"}, "ttl_seconds": {"ttl"}, "unique_key": {"unique-key"}, "unique_mode": {"unique-mode"},
	"unique_window_seconds": {"unique-window"}, "debounce_max_seconds": {"debounce-max"}, "fair_key": {"fair-key"},
	"singleton_key": {"singleton-key"}, "sticky_key": {"sticky-key"}, "require": {"require"}, "labels": {"label"},
	"trace_context": {"trace-context"}, "depends_on": {"depends-on"}, "dependencies": {"depends-on-failure", "depends-on-end"},
	"on_parent_failure": {"cancel-on-parent-failure"}, "batch_id": {"batch"},
	"backoff.initial_seconds": {"backoff-initial"}, "initial_seconds": {"backoff-initial"}, "backoff.maximum_seconds": {"backoff-maximum"},
	"backoff.multiplier": {"backoff-multiplier"}, "backoff.delays_seconds": {"retry-delays"},
	// of queues
	"retention_seconds": {"retention"}, "retention_bytes": {"retention-bytes"}, "retention_tasks": {"retention-tasks"},
	"max_tasks": {"max-tasks"}, "max_bytes": {"max-bytes"}, "dead_letter_queue": {"dead-letter-queue"}, "max_running": {"max-running"},
	"key_max_running": {"key-max-running"}, "rate": {"rate"}, "rate.tasks": {"rate"}, "rate.per_seconds": {"rate"}, "rate.burst": {"rate-burst"},
	"key_rate": {"key-rate"}, "key_rate.tasks": {"key-rate"}, "key_rate.per_seconds": {"key-rate"}, "key_rate.burst": {"key-rate-burst"},
	"fair_weights": {"fair-weight"}, "priority_aging_seconds": {"priority-aging"}, "sticky_wait_seconds": {"sticky-wait"},
	// of schedules
	"expression": {"cron", "every"}, "time_zone": {"zone"}, "jitter_seconds": {"jitter"}, "start_at": {"start"}, "end_at": {"end"},
	"misfire.policy": {"misfire"}, "misfire.catch_up_ticks": {"catch-up"}, "misfire.grace_seconds": {"grace"}, "overlap": {"overlap"},
	"history_ticks": {"history"}, "from": {"from"}, "to": {"to"}, "max_ticks": {"max"},
	// of lists, selections and operations
	"where": {"where"}, "states": {"state"}, "worker_id": {"worker"}, "limit": {"limit"}, "cursor": {"cursor"}, "after": {"after"},
	"older_than_seconds": {"older-than"}, "canary": {"canary"}, "canary.wait_seconds": {"canary-wait"},
	"canary.max_failed_percent": {"canary-max-failed"},
	// of batches, members and all
	"on_success": {"on-success"}, "on_death": {"on-death"}, "on_complete": {"on-complete"}, "idle_timeout_seconds": {"idle-timeout"},
	"request_id": {"request-id"}, "bytes_per_second": {"rate"}, "name": {"NAME", "QUEUE", "name"}, "id": {"ID", "BATCH", "MEMBER"}, "ids": {"ID"},
	"worker": {"WORKER"},
}

// fieldHolders stand before the names of fields.
var fieldHolders = []string{"tasks.", "task.", "spec.", "settings.", "selection."}

var (
	fieldName  = regexp.MustCompile(`[a-z]+(?:_[a-z]+)*(?:\[\d+\])?(?:\.[a-z]+(?:_[a-z]+)*(?:\[\d+\])?)*`)
	fieldIndex = regexp.MustCompile(`\[\d+\]`)
)

// inFlags puts the flags of a command in the place of the API's fields in an error of the API's. What comes from a file has the
// fields' names there too, and keeps them.
func inFlags(cmd *cobra.Command, err error) error {
	var usage *usageError
	if err == nil || cmd == nil || errors.As(err, &usage) {
		return err
	}
	code, text := explain(context.Background(), err)
	if code != exitUsage {
		return err
	}
	if file := cmd.Flags().Lookup("from-file"); file != nil && file.Changed {
		return err
	}
	return &exitError{code: code, text: flagWords(cmd, text)}
}

// flagWords translates a text. Words that are as good as English are fields only at its beginning; what is quoted is the caller's.
func flagWords(cmd *cobra.Command, text string) string {
	parts := strings.Split(text, `"`)
	for i := 0; i < len(parts); i += 2 {
		var out strings.Builder
		end := 0
		for _, at := range fieldName.FindAllStringIndex(parts[i], -1) {
			word := parts[i][at[0]:at[1]]
			first := i == 0 && at[0] == 0
			if flag := flagOf(cmd, word); flag != "" && (first || strings.ContainsAny(word, "_.[")) && !partOfWord(parts[i], at) {
				between := parts[i][end:at[0]]
				if !strings.HasSuffix(between, flag+", ") { // else the text names both
					between += flag
				} else {
					between = strings.TrimSuffix(between, ", ")
				}
				out.WriteString(between)
				end = at[1]
			}
		}
		parts[i] = out.String() + parts[i][end:]
	}
	return strings.Join(parts, `"`)
}

// partOfWord reports whether a match is a piece of something longer, such as a flag or a path.
func partOfWord(text string, at []int) bool {
	const joins = "-/_@"
	return at[0] > 0 && strings.ContainsRune(joins, rune(text[at[0]-1])) || at[1] < len(text) && strings.ContainsRune(joins, rune(text[at[1]]))
}

// flagOf is the flag or argument of a command that fills a field; empty: none.
func flagOf(cmd *cobra.Command, field string) string {
	field = fieldIndex.ReplaceAllString(field, "")
	for _, holder := range fieldHolders {
		field = strings.TrimPrefix(field, holder)
	}
	for _, callback := range []string{"on_success", "on_death", "on_complete"} {
		if rest, ok := strings.CutPrefix(field, callback+"."); ok && cmd.Flags().Lookup(fieldFlags[callback][0]) != nil {
			return "--" + fieldFlags[callback][0] + ": " + rest
		}
	}
	found := ""
	for _, name := range fieldFlags[field] {
		flag := cmd.Flags().Lookup(name)
		switch {
		case flag != nil && flag.Changed:
			return "--" + name
		case found != "":
		case flag != nil:
			found = "--" + name
		case strings.ToUpper(name) == name && slices.Contains(strings.FieldsFunc(cmd.Use, func(r rune) bool { return r < 'A' || r > 'Z' }), name):
			found = name
		}
	}
	return found
}
