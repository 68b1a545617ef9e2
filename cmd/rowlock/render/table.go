package render

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is what people read: columns under a head, or pairs of a name and a value. No lines, so that it can be cut and
// pasted.
type Table struct {
	writer   table.Writer
	headless bool
	columns  []table.ColumnConfig
}

// widthMax keeps a column of free text, such as an error, from breaking the table.
const widthMax = 60

func (t *Table) open() table.Writer {
	if t.writer == nil {
		t.writer = table.NewWriter()
		style := table.StyleDefault
		style.Options = table.OptionsNoBordersAndSeparators
		style.Box.PaddingLeft = ""
		style.Box.PaddingRight = "   "
		style.Format.Header = text.FormatUpper
		t.writer.SetStyle(style)
		t.writer.SuppressTrailingSpaces()
	}
	return t.writer
}

// Head names the columns.
func (t *Table) Head(names ...string) {
	row := make(table.Row, len(names))
	for i, name := range names {
		row[i] = name
		// The pages of one list line up where the values allow it.
		t.columns = append(t.columns, table.ColumnConfig{Number: i + 1, WidthMin: len(name), WidthMax: widthMax, WidthMaxEnforcer: cut})
	}
	t.open().SetColumnConfigs(t.columns)
	if !t.headless {
		t.writer.AppendHeader(row)
	}
}

// cut shortens a cell, and shows that it did.
func cut(cell string, width int) string { return text.Snip(cell, width, "…") }

// Row adds one row. Line breaks and control characters in it are shown as spaces.
func (t *Table) Row(values ...any) {
	row := make(table.Row, len(values))
	for i, value := range values {
		if s, ok := value.(string); ok {
			value = plain(s)
		}
		row[i] = value
	}
	t.open().AppendRow(row)
}

// Pair adds a name and its value; an empty value is left out.
func (t *Table) Pair(name, value string) {
	if value != "" {
		t.open().AppendRow(table.Row{name, plain(value)})
	}
}

// Write prints the table.
func (t *Table) Write(w io.Writer) error { return t.write(w) }

func (t *Table) write(w io.Writer) error {
	text := t.open().Render()
	if text == "" { // no row
		return nil
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

// plain keeps what others wrote, such as an error's text, from driving the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}
