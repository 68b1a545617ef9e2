package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a mistake in how the program was called: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// flagError says what is wrong with a flag and how to mend it.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	// 'rowlock typo --flag' is a wrong command, not a wrong flag.
	if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		return usagef("flag --%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		return wrongValue("--"+invalid.GetFlag().Name, invalid.GetFlag(), invalid.GetValue(), invalid.Unwrap())
	}
	return usagef("%s", err)
}

func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	if err.GetSpecifiedShortnames() != "" {
		return usagef("unknown flag -%s; '%s --help' lists the flags", err.GetSpecifiedName(), cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := nearest(err.GetSpecifiedName(), names); near != "" {
		return usagef("unknown flag --%s: did you mean --%s?", err.GetSpecifiedName(), near)
	}
	return usagef("unknown flag --%s; '%s --help' lists the flags", err.GetSpecifiedName(), cmd.CommandPath())
}

// wrongValue names the source of a value that its flag doesn't take, and what it would take.
func wrongValue(source string, flag *pflag.Flag, value string, err error) error {
	want := map[string]string{
		"duration":       "want a duration such as 90s, 5m or 2h",
		"durationSlice":  "want durations such as 1s,10s,1m",
		"int":            "want a whole number",
		"uint":           "want a whole number from 0",
		"uint32":         "want a whole number from 0",
		"uint64":         "want a whole number from 0",
		"float64":        "want a number",
		"bool":           "want true or false",
		"stringToString": "want key=value[,key=value…]",
	}[flag.Value.Type()]
	if want == "" {
		want = err.Error()
	}
	return usagef("%s %q: %s", source, value, want)
}

// args checks the number of positional arguments; max < 0 is no bound. usage names them, as in the command's Use.
func args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch usage := strings.TrimSuffix(cmd.UseLine(), " [flags]"); {
		case len(args) < least:
			return usagef("missing argument: want '%s'", usage)
		case most >= 0 && len(args) > most:
			return usagef("unexpected argument %q: want '%s'", args[most], usage)
		}
		return nil
	}
}

// atMostOne refuses flags that exclude each other.
func atMostOne(flags *pflag.FlagSet, names ...string) error {
	first := ""
	for _, name := range names {
		switch {
		case !flags.Changed(name):
		case first == "":
			first = name
		default:
			return usagef("--%s and --%s exclude each other", first, name)
		}
	}
	return nil
}

// nearest returns the name that a typing mistake may have meant, or "".
func nearest(given string, names []string) string {
	best, distance := "", (len(given)+1)/2+1
	for _, name := range names {
		if d := levenshtein.ComputeDistance(given, name); d < distance && d <= 3 {
			best, distance = name, d
		} else if best == "" && len(given) > 1 && strings.HasPrefix(name, given) {
			best = name
		}
	}
	return best
}
