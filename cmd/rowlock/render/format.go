package render

import (
	"errors"
	"strings"
)

// Format is how a command prints its data. It is a pflag.Value.
type Format string

// The formats.
const (
	People Format = "table"
	JSON   Format = "json"
	YAML   Format = "yaml"
)

// String implements pflag.Value.
func (f *Format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *Format) Type() string { return "table|json|yaml" }

// Set implements pflag.Value.
func (f *Format) Set(s string) error {
	switch v := Format(strings.ToLower(s)); v {
	case People, JSON, YAML:
		*f = v
		return nil
	}
	return errors.New("want table, json or yaml")
}
