package main

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/client"
)

// checkGroup checks that the group has come out of the failover whole.
func (d *demo) checkGroup(ctx context.Context, list []item, o *outage) error {
	if o == nil {
		return nil
	}
	if err := d.checkProbes(ctx, o.acks); err != nil {
		return err
	}
	leader, err := d.group.awaitStep(ctx)
	if err != nil {
		return err
	}
	err = d.group.each(func(_ int, c *client.Client) error {
		own := client.Query{Queue: queue, States: []client.State{client.Completed}, Stale: true, OmitPayload: true, PageSize: 1000}
		completed := 0
		for _, err := range c.List(ctx, own) {
			if err != nil {
				return err
			}
			completed++
		}
		if completed != len(list) {
			return fmt.Errorf("has %d completed tasks, want %d", completed, len(list))
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.say("All %d members follow %s, and each has the %d results; all %d probes that were acknowledged are there",
		len(d.group.nodes), leader, len(list), len(o.acks))
	return nil
}

// checkProbes checks that each write that was acknowledged is there, and none has been executed twice.
func (d *demo) checkProbes(ctx context.Context, acks []ack) error {
	there := map[string]bool{}
	numbers := map[string]string{}
	for task, err := range d.client.List(ctx, client.Query{Queue: probeQueue, PageSize: 1000}) {
		if err != nil {
			return err
		}
		number := string(task.Payload)
		if other, ok := numbers[number]; ok {
			return fmt.Errorf("probe %s was enqueued twice: %s and %s", number, other, task.ID)
		}
		there[task.ID], numbers[number] = true, task.ID
	}
	for _, a := range acks {
		if !there[a.id] {
			return fmt.Errorf("probe %s was acknowledged at %s and is lost", a.id, a.at)
		}
	}
	return nil
}
