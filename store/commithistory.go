package store

import (
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// writeHistory adds finished tasks to the history, and their places to the index.
func (w *writer) writeHistory(runs []task.HistoryChunk) error {
	for i := range runs {
		if len(runs[i].Tasks) == 0 {
			continue
		}
		if err := w.writeRun(&runs[i]); err != nil {
			return fmt.Errorf("history of queue %d: %w", runs[i].Queue, err)
		}
	}
	return w.writeIndex(w.places)
}

// writeRun writes one queue's finished tasks as chunks.
func (w *writer) writeRun(run *task.HistoryChunk) error {
	first := run.Tasks[0].Sequence
	w.tasks = slices.Grow(w.tasks[:0], len(run.Tasks))
	w.places = slices.Grow(w.places, len(run.Tasks))
	for i := range run.Tasks {
		f := &run.Tasks[i]
		if f.Sequence != first+uint64(i) {
			return fmt.Errorf("sequence %d follows %d", f.Sequence, first+uint64(i)-1)
		}
		t, err := w.chunkTask(f)
		if err != nil {
			return fmt.Errorf("task %s: %w", f.ID, err)
		}
		w.tasks = append(w.tasks, t)
		w.places = append(w.places, place{id: f.ID, queue: run.Queue, run: first, distance: uint32(i)})
	}
	tasks := w.tasks
	for sequence := first; len(tasks) > 0; {
		n := cutChunk(tasks)
		key := historyKey(run.Queue, sequence)
		if err := w.history.put(key[:], w.history.get(key[:]), encodeChunk(&w.arena, key[:], first, tasks[:n])); err != nil {
			return err
		}
		tasks, sequence = tasks[n:], sequence+uint64(n)
	}
	return nil
}

func (w *writer) chunkTask(f *task.Finished) (chunkTask, error) {
	t := chunkTask{id: f.ID, record: f.Record, payload: f.Payload}
	key := taskKey(f.ID)
	if !f.PayloadOnDisk {
		t.payloadCRC = checksum(key[:], f.Payload)
		return t, nil
	}
	var err error
	t.payload, t.payloadCRC, err = w.storedPayload(f.ID, key[:])
	return t, err
}

func (w *writer) writeIndex(places []place) error {
	sortPlaces(places)
	places = lastPlaces(places)
	for len(places) > 0 {
		n := 1
		for n < len(places) && sameIndexKey(places[0], places[n]) {
			n++
		}
		key := indexKey(uint64(places[0].id>>groupBits), places[0].queue, places[0].run)
		if err := w.historyID.put(key[:], w.historyID.get(key[:]), encodeIndex(&w.arena, key[:], places[:n])); err != nil {
			return fmt.Errorf("index of the history: %w", err)
		}
		places = places[n:]
	}
	return nil
}

// writeDeleted leaves tombstones for finished tasks that were deleted, until their chunks are trimmed.
func (w *writer) writeDeleted(refs []task.FinishedRef) error {
	for _, r := range refs {
		key, id := historyKey(r.Queue, r.Sequence), taskKey(r.ID)
		if err := w.historyDelete.put(key[:], w.historyDelete.get(key[:]), frame(&w.arena, key[:], id[:])); err != nil {
			return fmt.Errorf("delete finished task %s: %w", r.ID, err)
		}
	}
	return nil
}
