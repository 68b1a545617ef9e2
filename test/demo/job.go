package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The kinds of tasks.
const (
	kindPlain   = "sha256"
	kindFlaky   = "flaky"
	kindMissing = "missing"
)

// How many tasks fail on purpose.
const (
	flakyFiles   = 20
	missingFiles = 5
)

// item is one task to be, and what must become of it.
type item struct {
	path string // absolute, or in the worker's directory
	kind string
}

// items makes tasks of the regular files below the directory, at most so many, and of some that don't exist in the
// worker's directory.
func items(dir string, most int) ([]item, error) {
	var list []item
	errEnough := errors.New("enough")
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() || !readable(path) {
			return nil
		}
		if len(list) == most {
			return errEnough
		}
		kind := kindPlain
		if len(list)%7 == 0 && len(list)/7 < flakyFiles {
			kind = kindFlaky
		}
		list = append(list, item{path, kind})
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no files", dir)
	}
	for n := range missingFiles {
		list = append(list, item{fmt.Sprintf("absent-%d", n+1), kindMissing})
	}
	return list, nil
}

func readable(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	return file.Close() == nil
}

// taskFile is the items as lines for `rowlock enqueue --from-file`.
func taskFile(list []item) ([]byte, error) {
	var lines bytes.Buffer
	to := json.NewEncoder(&lines)
	for _, i := range list {
		// Any bytes may stand in a path: base64 carries them.
		err := to.Encode(struct {
			Kind    string `json:"kind"`
			Payload []byte `json:"payload_base64"`
		}{i.kind, []byte(i.path)})
		if err != nil {
			return nil, err
		}
	}
	return lines.Bytes(), nil
}

// result is what the worker's program, which runs in the directory, must have printed for a file.
func result(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)) + "  -", nil
}
