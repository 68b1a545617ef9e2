package main

import (
	"slices"

	"github.com/spf13/pflag"
)

// neverEmpty are flags whose empty value would quietly do something else than was meant: it comes from a variable that a script
// forgot to set. 'stuck reset --queue "$Q"' would reset the tasks of all queues, 'enqueue --depends-on "$ID"' wait for nothing, and
// 'backup verify --verify-key "$KEY"' take what nobody has signed.
var neverEmpty = []string{
	"batch", "depends-on", "depends-on-end", "depends-on-failure", "group", "id", "identity", "kind", "member", "queue", "recipient",
	"recipients-file", "sign-key", "singleton-key", "state", "unique-key", "verify-key", "where", "worker",
}

// refuseEmpty refuses an empty value on the command line. In the environment it is as good as none.
func refuseEmpty(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(flag *pflag.Flag) {
		empty := flag.Value.String() == "" || flag.Value.String() == "[]"
		if err == nil && flag.Changed && empty && slices.Contains(neverEmpty, flag.Name) {
			err = usagef("--%s is empty: give it a value, or leave it out", flag.Name)
		}
	})
	return err
}
