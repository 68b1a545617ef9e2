package raftfsm

import "slices"

// ruling is what the reports of the voters come to.
type ruling struct {
	index  uint64 // the newest entry that a strict majority of the voters reports; 0: there is none
	states int    // how many different hashes they have after it
	agreed bool   // a strict majority of all voters has the same,
	hash   uint64 // which is this
}

// rule judges the reports, one for each voter.
func rule(reports [][]Checksum) ruling {
	majority := len(reports)/2 + 1
	for _, index := range indexes(reports) {
		votes, reporters := map[uint64]int{}, 0
		for _, report := range reports {
			if hash, ok := hashAt(report, index); ok {
				votes[hash]++
				reporters++
			}
		}
		if reporters < majority {
			continue
		}
		r := ruling{index: index, states: len(votes)}
		for hash, n := range votes {
			if n >= majority {
				r.agreed, r.hash = true, hash
			}
		}
		return r
	}
	return ruling{}
}

// indexes are those of which there are reports, the newest first.
func indexes(reports [][]Checksum) []uint64 {
	var out []uint64
	for _, report := range reports {
		for _, c := range report {
			out = append(out, c.Index)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return slices.Compact(out)
}
