package client

import (
	"encoding/json"
	"fmt"
)

// DefaultQueue is where tasks go that name no queue.
const DefaultQueue = "default"

// Args are a task's arguments: a struct that marshals to JSON and knows its kind, by which a worker finds the handler.
type Args interface {
	Kind() string
}

// WithOptions is implemented by Args whose tasks have options of their own, which the options of a call override.
type WithOptions interface {
	EnqueueOptions() []Option
}

// Raw makes Args of bytes that are sent as they are.
func Raw(kind string, payload []byte) Args { return raw{kind, payload} }

type raw struct {
	kind    string
	payload []byte
}

func (r raw) Kind() string { return r.kind }

// marshal returns the payload of args.
func marshal(args Args) ([]byte, error) {
	if r, ok := args.(raw); ok {
		return r.payload, nil
	}
	payload, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("%w: arguments of kind %q: %w", ErrInvalid, args.Kind(), err)
	}
	return payload, nil
}
