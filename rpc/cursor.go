package rpc

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"

	"github.com/rowlock/rowlock/task"
)

// cursor is a place in a listing. Callers see it as text that means nothing to them.
type cursor struct {
	kind  byte   // of the listing
	query uint32 // what was asked for: a cursor goes with its query
	a, b  uint64 // live tasks: the last ID; finished ones: the queue's number and the next sequence; batches: the last ID
	name  string // queues: the last name
}

// The kinds of listings.
const (
	listLive byte = iota + 1
	listFinished
	listQueues
	listSchedules
	listScheduleHistory
	listWorkflows
	listBatches
)

// cursorHead is the length of a cursor without its name.
const cursorHead = 1 + 4 + 8 + 8

func (c cursor) String() string {
	b := make([]byte, cursorHead, cursorHead+len(c.name))
	b[0] = c.kind
	binary.BigEndian.PutUint32(b[1:], c.query)
	binary.BigEndian.PutUint64(b[5:], c.a)
	binary.BigEndian.PutUint64(b[13:], c.b)
	return base64.RawURLEncoding.EncodeToString(append(b, c.name...))
}

// parseCursor reads what String wrote for the same kind of listing and the same query. Empty text is the beginning.
func parseCursor(s string, kind byte, query uint32) (cursor, error) {
	c := cursor{kind: kind, query: query}
	if s == "" {
		return c, nil
	}
	bad := invalid("cursor is not the next_cursor of this list")
	if len(s) > 256 {
		return c, bad
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < cursorHead || b[0] != kind || binary.BigEndian.Uint32(b[1:]) != query {
		return c, bad
	}
	c.a, c.b, c.name = binary.BigEndian.Uint64(b[5:]), binary.BigEndian.Uint64(b[13:]), string(b[cursorHead:])
	return c, nil
}

// queryHash stands for what a listing asks for.
func queryHash(states []task.State, words ...string) uint32 {
	h := fnv.New32a()
	for _, s := range states {
		h.Write([]byte{byte(s)})
	}
	for _, w := range words {
		h.Write([]byte{0})
		h.Write([]byte(w))
	}
	return h.Sum32()
}
