package render

import (
	"fmt"
	"strings"
)

// Count writes a number of things: 1 task, 2 tasks, 1 entry, 0 entries. The noun is a regular one, in the singular; of several words
// the last one gets the ending: 2 dead letters.
func Count[N int | int64 | uint32 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %s", n, plural(noun))
}

func plural(noun string) string {
	stem, y := strings.CutSuffix(noun, "y")
	switch {
	case y && !strings.HasSuffix(stem, "e") && !strings.HasSuffix(stem, "a"): // entry, but key and day
		return stem + "ies"
	case strings.HasSuffix(noun, "ch") || strings.HasSuffix(noun, "s"):
		return noun + "es"
	}
	return noun + "s"
}
