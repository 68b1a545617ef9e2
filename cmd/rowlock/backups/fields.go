package backups

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Field is one that differs between two things, by its name in JSON, with both values as JSON; empty: it isn't there.
type Field struct{ Name, From, To string }

// String tells it in one line.
func (f Field) String() string {
	return fmt.Sprintf("%s: %s -> %s", f.Name, cmp.Or(f.From, "none"), cmp.Or(f.To, "none"))
}

// Fields tells which fields differ between two things in their JSON, by name. Those of objects in it have the names of both, with a dot.
func Fields(a, b any) ([]Field, error) {
	was, err := flat(a)
	if err != nil {
		return nil, err
	}
	is, err := flat(b)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, side := range []map[string]string{was, is} {
		for name := range side {
			names[name] = true
		}
	}
	var out []Field
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			out = append(out, Field{name, was[name], is[name]})
		}
	}
	return out, nil
}

func flat(v any) (map[string]string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree map[string]json.RawMessage
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	out := map[string]string{}
	flatten("", tree, out)
	return out, nil
}

func flatten(prefix string, tree map[string]json.RawMessage, out map[string]string) {
	for name, value := range tree {
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) == nil && inner != nil {
			flatten(prefix+name+".", inner, out)
		} else {
			out[prefix+name] = string(value)
		}
	}
}
