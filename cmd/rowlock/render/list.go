package render

import (
	"bytes"
	"io"
)

// List prints items page by page as one list, so that a long one needs no memory: one JSON array, one YAML sequence, or
// one table.
type List[T any] struct {
	w      io.Writer
	format Format
	// table prints a page for people; the head stands above the first one.
	table func(t *Table, page []T)
	count int
}

// NewList begins a list.
func NewList[T any](w io.Writer, format Format, table func(t *Table, page []T)) *List[T] {
	return &List[T]{w: w, format: format, table: table}
}

// Page adds items.
func (l *List[T]) Page(items []T) error {
	if len(items) == 0 {
		return nil
	}
	first := l.count == 0
	l.count += len(items)
	switch l.format {
	case JSON:
		return l.pageJSON(items, first)
	case YAML:
		return Write(l.w, YAML, items)
	}
	t := &Table{headless: !first}
	l.table(t, items)
	return t.write(l.w)
}

func (l *List[T]) pageJSON(items []T, first bool) error {
	var page bytes.Buffer
	for i, item := range items {
		if first && i == 0 {
			page.WriteString("[\n  ")
		} else {
			page.WriteString(",\n  ")
		}
		text, err := encode(item, "  ")
		if err != nil {
			return err
		}
		page.Write(bytes.TrimRight(text, "\n"))
	}
	_, err := l.w.Write(page.Bytes())
	return err
}

// Close ends the list. People are told that an empty one is empty.
func (l *List[T]) Close(empty string) error {
	text := ""
	switch {
	case l.format == JSON && l.count == 0, l.format == YAML && l.count == 0:
		text = "[]\n"
	case l.format == JSON:
		text = "\n]\n"
	case l.format == People && l.count == 0 && empty != "":
		text = empty + "\n"
	}
	_, err := io.WriteString(l.w, text)
	return err
}
