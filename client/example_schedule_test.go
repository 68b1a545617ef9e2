package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// Report is the arguments of a task that a schedule makes: the servers fill in For at each tick.
type Report struct {
	For string `json:"for"`
}

// Kind implements client.Args.
func (Report) Kind() string { return "report" }

// Put has a task made every night, Berlin time. Its history tells what became of every tick.
func ExampleSchedules_Put() {
	ctx := context.Background()
	c := connect()
	defer c.Close()
	schedules := c.Schedules()

	_, err := schedules.Put(ctx, "nightly-report", "30 2 * * *", Report{For: "{{nominal_time}}"},
		client.InZone("Europe/Berlin"),
		client.WithJitter(5*time.Minute),
		client.OnOverlap(client.OverlapQueueOne),
		client.TaskOptions(client.Queue("reports"), client.Timeout(time.Hour)))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Make up for the last three nights.
	made, err := schedules.Backfill(ctx, "nightly-report", client.Backfill{From: time.Now().AddDate(0, 0, -3)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(made), "tasks")
	for tick, err := range schedules.History(ctx, "nightly-report") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tick.Outcome, "by", tick.Origin)
	}
	// Output:
	// 3 tasks
	// fired by backfill
	// fired by backfill
	// fired by backfill
}
