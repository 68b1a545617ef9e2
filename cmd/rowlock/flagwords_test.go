package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func find(t *testing.T, line string) *cobra.Command {
	t.Helper()
	cmd, rest, err := testProgram().rootCommand().Find(strings.Fields(line))
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestErrorsNameFlags: what the API says of its fields is said of the flags that fill them.
func TestErrorsNameFlags(t *testing.T) {
	for _, c := range []struct{ line, says, want string }{
		{"schedule put s q --cron x", `spec.expression "x": want 5 fields`, `--cron "x": want 5 fields`},
		{"schedule put s q --every 1s", "spec.expression is too often", "--every is too often"},
		{"schedule put s q", "spec.time_zone is unknown", "--zone is unknown"},
		{"schedule put s q", "task.priority must be 0 to 9, not 10", "--priority must be 0 to 9, not 10"},
		{"schedule put s! q", `name "s!" is no schedule name`, `NAME "s!" is no schedule name`},
		{"enqueue mail", "tasks[0].delay_seconds is required with unique_mode debounce", "--delay is required with --unique-mode debounce"},
		{"enqueue mail", `tasks[0].unique_key "kind of max_tasks" is long`, `--unique-key "kind of max_tasks" is long`},
		{"enqueue mail", "tasks[0].payload has 9 bytes of the queue", "--payload has 9 bytes of the queue"},
		{"enqueue m!", `tasks[0].queue "m!" is no queue name`, `QUEUE "m!" is no queue name`},
		{"enqueue mail", "task 1: see payload-file or /etc/max_tasks", "task 1: see payload-file or /etc/max_tasks"},
		{"enqueue --from-file x", "tasks[7].delay_seconds must not be negative", "tasks[7].delay_seconds must not be negative"},
		{"queue set mail", "settings.rate.burst must be at most 9", "--rate-burst must be at most 9"},
		{"queue set mail", `settings.fair_weights["k"] must be 1`, `--fair-weight["k"] must be 1`},
		{"batch create", "on_success.queue is required", "--on-success: queue is required"},
		{"workflow submit x", "task \"a\": max_attempts must be at most 9", "task \"a\": max_attempts must be at most 9"},
	} {
		err := inFlags(find(t, c.line), &client.Error{Code: codes.InvalidArgument, Message: c.says})
		if code, text := explain(t.Context(), err); code != exitUsage || text != c.want {
			t.Errorf("%s: %d %q, want %q", c.line, code, text, c.want)
		}
	}
	for _, err := range []error{nil, usagef("max_tasks is mine"), &client.Error{Code: codes.NotFound, Message: "max_tasks"}, errors.New("max_tasks")} {
		if got := inFlags(find(t, "queue set mail"), err); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
}

// TestFieldsHaveFlags: no field that a command fills is without its flag, and no flag is made up.
func TestFieldsHaveFlags(t *testing.T) {
	for _, c := range []struct {
		line    string
		message proto.Message
		not     string // the fields that the command doesn't fill
	}{
		{"enqueue mail", &rowlockv1.NewTask{}, "ref payload_json backoff"},
		{"schedule put s q", &rowlockv1.ScheduleSpec{}, ""},
		{"schedule put s q", &rowlockv1.PutScheduleRequest{}, "spec misfire task paused dry_run request_id"},
		{"queue set mail", &rowlockv1.QueueSettings{}, "backoff"},
		{"batch create", &rowlockv1.CreateBatchRequest{}, ""},
		{"task list", &rowlockv1.ListTasksRequest{}, "omit_payload older_than_seconds stale"},
	} {
		cmd := find(t, c.line)
		fields := c.message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			name := string(fields.Get(i).Name())
			if flagOf(cmd, name) == "" && !strings.Contains(" "+c.not+" ", " "+name+" ") {
				t.Errorf("%s: no flag fills %s.%s", c.line, c.message.ProtoReflect().Descriptor().Name(), name)
			}
		}
	}
	flags := map[string]bool{}
	commands(testProgram().rootCommand(), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
	})
	for field, names := range fieldFlags {
		for _, name := range names {
			if !flags[name] && strings.ToUpper(name) != name {
				t.Errorf("%s: no command has --%s", field, name)
			}
		}
	}
}
