package main

import (
	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

// output is where and how a command prints its data.
type output struct {
	p      *program
	format render.Format
}

// outputFlag gives a command -o.
func (p *program) outputFlag(cmd *cobra.Command) *output {
	out := &output{p: p, format: render.People}
	cmd.Flags().VarP(&out.format, "output", "o", "how to print")
	settings(cmd.Flags(), "output")
	return out
}

// print prints one thing: the value for programs, or a table for people.
func (o *output) print(value any, table func(*render.Table)) error {
	if o.format != render.People {
		return render.Write(o.p.stdout, o.format, value)
	}
	var t render.Table
	table(&t)
	return t.Write(o.p.stdout)
}

// list begins a list.
func list[T any](o *output, table func(*render.Table, []T)) *render.List[T] {
	return render.NewList(o.p.stdout, o.format, table)
}

// people reports whether the output is for people.
func (o *output) people() bool { return o.format == render.People }
