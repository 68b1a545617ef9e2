package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// copyTree copies the files of the working tree that git knows, or would if they were added, to a new directory, which
// the caller removes.
func copyTree(ctx context.Context, from string) (string, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("list the source tree: %w", err)
	}
	to, err := os.MkdirTemp("", "rowlock-faults-")
	if err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return "", errors.Join(err, os.RemoveAll(to))
		}
	}
	return to, nil
}

// copyFile copies one file. One that was removed from the working tree stays away.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// apply applies the fault's patch to the tree, or takes it back.
func apply(ctx context.Context, tree string, f fault, options ...string) error {
	command := exec.CommandContext(ctx, "git", append(append([]string{"apply"}, options...), f.path)...)
	command.Dir = tree
	// The tree is no repository, and one that may lie around it must not be taken for its own.
	command.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(tree))
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
