//go:build faultinject

package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/rowlock/rowlock/task"
)

// testLevelVariable has a binary for tests play an older or a newer version.
const testLevelVariable = "ROWLOCK_TEST_FEATURE_LEVEL"

// supportedLevel is the highest feature level that this version supports, or pretends to.
func supportedLevel() (uint32, error) {
	text, ok := os.LookupEnv(testLevelVariable)
	if !ok {
		return task.SupportedLevel, nil
	}
	level, err := strconv.ParseUint(text, 10, 32)
	if err != nil || level == 0 {
		return 0, fmt.Errorf("%s: %q isn't a feature level", testLevelVariable, text)
	}
	return uint32(level), nil
}
