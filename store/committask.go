package store

import (
	"encoding/binary"
	"fmt"

	"github.com/rowlock/rowlock/task"
)

func taskID(key []byte) task.ID { return task.ID(binary.BigEndian.Uint64(key)) }

func (w *writer) writeTasks(changes []task.TaskChange) error {
	for i := range changes {
		c := &changes[i]
		key := taskKey(c.ID)
		var err error
		switch {
		case c.Record == nil:
			err = w.deleteTask(c.ID, key[:], w.live.at(i))
		case c.KeepPayload:
			err = w.updateTask(key[:], w.live.at(i), c.Record)
		default:
			err = w.putTask(c, key[:], w.live.at(i))
		}
		if err != nil {
			return fmt.Errorf("task %s: %w", c.ID, err)
		}
	}
	return nil
}

// putTask writes a task with its payload.
func (w *writer) putTask(c *task.TaskChange, key, old []byte) error {
	if len(c.Payload) > maxPayload {
		return fmt.Errorf("payload of %d bytes", len(c.Payload))
	}
	v := taskValue{
		payload:    c.Payload,
		payloadLen: len(c.Payload),
		payloadCRC: checksum(key, c.Payload),
		outside:    len(c.Payload) > inlinePayload,
	}
	if v.outside {
		v.payload = nil
		if err := w.payload.put(key, w.oldPayload(c.ID, key), frame(&w.arena, key, c.Payload)); err != nil {
			return err
		}
	} else if err := w.payload.remove(key, w.oldPayload(c.ID, key)); err != nil {
		return err
	}
	return w.task.put(key, old, encodeTaskValue(&w.arena, key, c.Record, v))
}

// updateTask writes a task's record and keeps the payload that is on disk, with its checksum.
func (w *writer) updateTask(key, old, record []byte) error {
	v, err := decodeStoredTask(key, old)
	if err != nil {
		return err
	}
	return w.task.put(key, old, encodeTaskValue(&w.arena, key, record, v))
}

func (w *writer) deleteTask(id task.ID, key, old []byte) error {
	if err := w.payload.remove(key, w.oldPayload(id, key)); err != nil {
		return err
	}
	return w.task.remove(key, old)
}

// oldPayload is what the bucket payload has under a task's key.
func (w *writer) oldPayload(id task.ID, key []byte) []byte {
	if !w.hasPayloads || id > w.lastTask {
		return nil
	}
	return w.payload.get(key)
}

// decodeStoredTask takes a live task apart that must be there.
func decodeStoredTask(key, b []byte) (taskValue, error) {
	if b == nil {
		return taskValue{}, corrupt(bucketTask, key, "task whose payload is to be kept is missing")
	}
	return decodeTaskValue(key, b)
}

// storedPayload reads the payload of a live task with the checksum that travels with it, which it doesn't verify.
func (w *writer) storedPayload(id task.ID, key []byte) (payload []byte, crc uint32, err error) {
	v, err := decodeStoredTask(key, w.live.find(id))
	if err != nil {
		return nil, 0, err
	}
	if !v.outside {
		return v.payload, v.payloadCRC, nil
	}
	framed := w.payload.get(key)
	if len(framed) != crcSize+v.payloadLen {
		return nil, 0, corrupt(bucketPayload, key, "payload is missing or has another size")
	}
	return framed[crcSize:], v.payloadCRC, nil
}
