package main

import (
	"log/slog"

	"github.com/spf13/cobra"
)

// logFlags say what is logged to stderr, and how.
type logFlags struct {
	p      *program
	level  string
	format string
}

func (p *program) logFlags(cmd *cobra.Command) *logFlags {
	l := &logFlags{p: p}
	cmd.Flags().StringVar(&l.level, "log-level", "info", "debug, info, warn or error")
	cmd.Flags().StringVar(&l.format, "log-format", "auto", "text, json, or auto: text on a terminal, else json")
	settings(cmd.Flags(), "log-level", "log-format")
	return l
}

// readable writes durations with their unit, which JSON would show as a number of nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func (l *logFlags) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, usagef("--log-level %q: want debug, info, warn or error", l.level)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	switch {
	case l.format == "text", l.format == "auto" && isTerminal(l.p.stderr):
		return slog.New(slog.NewTextHandler(l.p.stderr, options)), nil
	case l.format == "json", l.format == "auto":
		return slog.New(slog.NewJSONHandler(l.p.stderr, options)), nil
	}
	return nil, usagef("--log-format %q: want text, json or auto", l.format)
}
