//go:build !faultinject

package main

import "github.com/rowlock/rowlock/task"

// supportedLevel is the highest feature level that this version supports.
func supportedLevel() (uint32, error) { return task.SupportedLevel, nil }
