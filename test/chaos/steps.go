package main

import (
	"math/rand/v2"
)

// step is something that is done to the group. Whatever it chooses comes from the random numbers that it is given, so that the same
// seed makes the same run.
type step struct {
	name   string
	weight int // how often it is chosen, compared with the others
	do     func(*run, *rand.Rand) error
}

// allSteps are the steps there are.
func allSteps() []step {
	return []step{
		{"kill", 6, (*run).killOne},
		{"kill-all", 2, (*run).killAll},
		{"stop", 4, (*run).stopOne},
		{"wipe", 2, (*run).wipe},
		{"rebuild", 2, (*run).rebuild},
		{"transfer", 3, (*run).transfer},
		{"vacuum", 2, (*run).vacuum},
		{"check", 2, (*run).checkMembers},
		{"save", 2, (*run).save},
		{"log", 2, (*run).archiveLog},
		{"verify", 2, (*run).verifyBackup},
		{"prune", 2, (*run).prune},
		{"drill", 2, (*run).drill},
		{"beside", 3, (*run).restoreBeside},
		{"restore", 4, (*run).restoreGroup},
		{"dead-letters", 2, (*run).retryDeadLetters},
		{"limit", 1, (*run).changeLimit},
		{"pause", 1, (*run).pauseQueue},
		{"stuck", 1, (*run).resetStuck},
		{"audit", 4, (*run).auditNow},
	}
}

// pick chooses a step.
func pick(random *rand.Rand) *step {
	all := allSteps()
	total := 0
	for _, s := range all {
		total += s.weight
	}
	at := random.IntN(total)
	for i := range all {
		if at -= all[i].weight; at < 0 {
			return &all[i]
		}
	}
	panic("unreachable: the weights are the total")
}

// stepNamed is nil where there is none of the name.
func stepNamed(name string) *step {
	all := allSteps()
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

func stepNames() (list []string) {
	for _, s := range allSteps() {
		list = append(list, s.name)
	}
	return list
}
