package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Write prints a value as JSON or YAML. The YAML has the JSON's names, in the same order.
func Write(w io.Writer, format Format, value any) error {
	text, err := encode(value, "")
	if err != nil {
		return err
	}
	if format == YAML {
		if text, err = toYAML(text); err != nil {
			return err
		}
	}
	_, err = w.Write(text)
	return err
}

// Line prints one value of a stream that has no end: a line of JSON, or an item of a YAML sequence.
func Line(w io.Writer, format Format, value any) error {
	if format == YAML {
		return Write(w, YAML, []any{value})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("encoding the output: %w", err)
	}
	return nil
}

// encode writes indented JSON that ends with a line feed, and leaves <, > and & as they are.
func encode(value any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encoding the output: %w", err)
	}
	return b.Bytes(), nil
}

// toYAML reads JSON as the YAML that it also is, which keeps the order of the fields, and writes it in block style.
func toYAML(text []byte) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("encoding the output: %w", err)
	}
	blockStyle(&doc)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("encoding the output: %w", err)
	}
	return b.Bytes(), nil
}

func blockStyle(node *yaml.Node) {
	node.Style = 0
	for _, child := range node.Content {
		blockStyle(child)
	}
}
