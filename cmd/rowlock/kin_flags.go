package main

import (
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// kinFlags say what else than the success of others a task depends on.
type kinFlags struct {
	failure, end []string
	cancel       bool
}

func (k *kinFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&k.failure, "depends-on-failure", nil, "IDs of tasks that must fail first; cancelled (not_needed) if one completes")
	flags.StringSliceVar(&k.end, "depends-on-end", nil, "IDs of tasks that must end first, however")
	flags.BoolVar(&k.cancel, "cancel-on-parent-failure", false, "cancel it, in place of a dead letter, when a task that must complete first can't")
}

func (k *kinFlags) set(t *rowlockv1.NewTask) error {
	for _, list := range []struct {
		ids  []string
		when rowlockv1.Dependency_When
	}{{k.failure, rowlockv1.Dependency_failure}, {k.end, rowlockv1.Dependency_any}} {
		for _, arg := range list.ids {
			id, err := taskID(arg)
			if err != nil {
				return err
			}
			t.Dependencies = append(t.Dependencies, &rowlockv1.Dependency{TaskId: id, When: list.when})
		}
	}
	if k.cancel {
		t.OnParentFailure = rowlockv1.ParentFailure_cancel
	}
	return nil
}
