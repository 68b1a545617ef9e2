package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rowlock/rowlock/test/process"
)

const (
	// enoughProbes is how many writes must be acknowledged before the kill, and after it.
	enoughProbes = 20
	// patience is how long the group may take to serve again, or to be in step.
	patience = time.Minute
)

// outage is what the death of a leader did to the writes.
type outage struct {
	acks   []ack         // those that were acknowledged around it
	length time.Duration // the longest time without any
}

// failover kills the leader in the middle of the job, measures how long no write is acknowledged, and starts the member
// again.
func (d *demo) failover(ctx context.Context, worker *process.Process, total int) (*outage, error) {
	leader, err := d.leader(ctx)
	if err != nil {
		return nil, err
	}
	probe, err := startProber(ctx, slices.Delete(slices.Clone(d.group.addrs), leader, leader+1))
	if err != nil {
		return nil, err
	}
	defer probe.stop()
	if err := probe.await(ctx, enoughProbes); err != nil {
		return nil, err
	}
	if err := d.watch(ctx, worker, total, total/2); err != nil {
		return nil, err
	}
	killed := time.Now()
	if err := d.killLeader(ctx, leader, total); err != nil {
		return nil, err
	}
	if err := probe.await(ctx, enoughProbes); err != nil {
		return nil, fmt.Errorf("after the kill: %w", err)
	}
	over := time.Now()
	acks, err := probe.all()
	if err != nil {
		return nil, err
	}
	o := &outage{length: longestGap(acks, killed, over)}
	d.say("Writes are acknowledged again; between two of them passed %.2f s", o.length.Seconds())
	if err := d.bringBack(ctx, leader); err != nil {
		return nil, err
	}
	if o.acks, err = probe.all(); err != nil {
		return nil, err
	}
	d.say("While it came back, at most %.2f s passed between two writes", longestGap(o.acks, over, time.Now()).Seconds())
	return o, nil
}

// leader says which member leads.
func (d *demo) leader(ctx context.Context) (int, error) {
	status, err := d.client.Status(ctx)
	if err != nil {
		return 0, err
	}
	for i := range d.group.nodes {
		if name(i) == status.LeaderID {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s says that %q leads", status.NodeID, status.LeaderID)
}

// killLeader kills it, which must still lead, before the job is over.
func (d *demo) killLeader(ctx context.Context, leader, total int) error {
	q, err := d.client.Queues().Get(ctx, queue)
	if err != nil {
		return err
	}
	switch now, err := d.leader(ctx); {
	case err != nil:
		return err
	case now != leader:
		return fmt.Errorf("%s led, and then %s without any reason", name(leader), name(now))
	}
	ended := int(q.CompletedTotal + q.DeadLetter)
	if ended == total {
		return errors.New("the job was over before the leader was killed: make more tasks")
	}
	d.say("Killing the leader, %s, with kill -9: %d of %d tasks are done, %d are running", name(leader), ended, total, q.Running)
	return d.group.nodes[leader].Kill()
}

// bringBack starts the member again and waits until it has caught up.
func (d *demo) bringBack(ctx context.Context, member int) error {
	d.say("Starting %s again, on its data directory", name(member))
	began := time.Now()
	if err := d.group.start(ctx, member); err != nil {
		return err
	}
	leader, err := d.group.awaitStep(ctx)
	if err != nil {
		return err
	}
	d.say("After %.2f s it follows %s, in step with the others", time.Since(began).Seconds(), leader)
	return nil
}
