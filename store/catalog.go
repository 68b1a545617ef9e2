package store

import (
	"encoding/binary"
	"fmt"

	"github.com/rowlock/rowlock/task"
)

// Catalog goes through the tasks of a view without building a machine, so that it takes little memory, however many tasks there
// are. It is valid as long as its view is open.
type Catalog struct {
	view    *View
	queues  []task.Queue // by number, from 1 on
	workers map[uint64]string
}

// Catalog reads what the records of tasks refer to.
func (v *View) Catalog() (*Catalog, error) {
	c := &Catalog{view: v, queues: make([]task.Queue, 1), workers: map[uint64]string{}}
	if err := c.records(task.KindQueue, c.queue); err != nil {
		return nil, err
	}
	return c, c.records(task.KindSession, c.session)
}

// records gives fn the records of a kind whose keys are numbers.
func (c *Catalog) records(kind task.Kind, fn func(key uint64, value []byte) error) error {
	bucket := bucketOf(kind)
	var key uint64
	var value []byte
	decode := func(k, framed []byte) (err error) {
		if len(k) != 9 || k[0] != byte(kind) {
			return corrupt(bucket, k, "key isn't one of this kind")
		}
		key = binary.BigEndian.Uint64(k[1:])
		value, err = unframe(bucket, k, framed)
		return err
	}
	return c.view.each(bucket, decode, func() error { return fn(key, value) })
}

func (c *Catalog) queue(number uint64, value []byte) error {
	if number != uint64(len(c.queues)) {
		return corrupt(bucketOf(task.KindQueue), nil, fmt.Sprintf("queue %d follows %d others", number, len(c.queues)-1))
	}
	q, err := task.DecodeQueue(uint32(number), value)
	c.queues = append(c.queues, q)
	return err
}

func (c *Catalog) session(id uint64, value []byte) (err error) {
	c.workers[id], err = task.DecodeWorker(id, value)
	return err
}

// Queues are all queues, by number.
func (c *Catalog) Queues() []task.Queue { return c.queues[1:] }

func (c *Catalog) queueName(number uint32) string {
	if uint64(number) < uint64(len(c.queues)) {
		return c.queues[number].Name
	}
	return ""
}

// Live gives fn the live tasks by ascending ID, and stops with its error. Payloads are left out: PayloadOnDisk; see Hydrate.
func (c *Catalog) Live(fn func(t *task.Task) error) error {
	var id task.ID
	var stored taskValue
	decode := func(k, b []byte) (err error) {
		if len(k) != 8 {
			return corrupt(bucketTask, k, "key isn't a task's")
		}
		id = taskID(k)
		stored, err = decodeTaskValue(k, b)
		return err
	}
	return c.view.each(bucketTask, decode, func() error {
		t, err := c.decode(id, stored.record)
		if err != nil {
			return err
		}
		return fn(&t)
	})
}

func (c *Catalog) decode(id task.ID, record []byte) (task.Task, error) {
	t, err := task.DecodeTask(id, record, c.queueName)
	key := taskKey(id)
	if err != nil {
		return task.Task{}, fmt.Errorf("%w: %w", corrupt(bucketTask, key[:], "record of task "+id.String()), err)
	}
	if t.Queue == "" {
		return task.Task{}, corrupt(bucketTask, key[:], "task "+id.String()+" is in a queue that isn't there")
	}
	if n := len(t.Errors); n > 0 {
		t.Worker = t.Errors[n-1].Worker
	}
	if t.State == task.Running {
		t.Worker = c.workers[t.Session]
	}
	return t, nil
}

// Hydrate reads the payload of a live task.
func (c *Catalog) Hydrate(t *task.Task) (err error) {
	if t.PayloadOnDisk {
		t.Payload, err = c.view.Payload(t.ID)
		t.PayloadOnDisk = false
	}
	return err
}

// catalogStep is how many finished tasks are read at a time.
const catalogStep = 256

// Finished gives fn the tasks of the history with their payloads, queue by queue in the order in which they finished, and stops with
// its error.
func (c *Catalog) Finished(fn func(t *task.Task) error) error {
	for _, q := range c.queues[1:] {
		for from := q.History.First; from < q.History.Next; {
			tasks, err := c.view.FinishedFrom(q.Number, from, catalogStep)
			if err != nil {
				return err
			}
			if len(tasks) == 0 { // the rest was deleted
				break
			}
			for i := range tasks {
				if err := fn(&tasks[i]); err != nil {
					return err
				}
			}
			from = tasks[len(tasks)-1].HistorySequence + 1
		}
	}
	return nil
}

// Task returns one task, live or finished, with its payload; false: there is none.
func (c *Catalog) Task(id task.ID) (task.Task, bool, error) {
	var stored taskValue
	found := false
	err := guard(func() (err error) {
		key := taskKey(id)
		b := c.view.tx.Bucket([]byte(bucketTask)).Get(key[:])
		if found = b != nil; found {
			stored, err = decodeTaskValue(key[:], b)
		}
		return err
	})
	if err != nil {
		return task.Task{}, false, err
	}
	if found {
		t, err := c.decode(id, stored.record)
		if err == nil {
			err = c.Hydrate(&t)
		}
		return t, err == nil, err
	}
	t, ok, err := c.view.Finished(id)
	if err != nil || !ok || uint64(t.QueueNumber) >= uint64(len(c.queues)) || t.HistorySequence < c.queues[t.QueueNumber].History.First {
		return task.Task{}, false, err
	}
	return t, true, nil
}
