package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxDivergence bounds the text of a divergence in bytes.
const maxDivergence = 4096

// MarkDiverged notes durably that the state in the directory differs from the one that the group agreed on: whoever
// opens the directory for serving refuses it. The text says where. The caller holds the directory through an open Store.
func MarkDiverged(dir, text string) error {
	text = text[:min(len(text), maxDivergence)]
	if err := writeDurably(Dir(dir).Diverged(), []byte(text+"\n")); err != nil {
		return fmt.Errorf("mark the state as diverged: %w", err)
	}
	return nil
}

// Divergence returns the text of MarkDiverged; false: the directory isn't marked.
func Divergence(dir string) (string, bool, error) {
	f, err := os.Open(Dir(dir).Diverged())
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look for the mark of a diverged state: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDivergence))
	if err != nil {
		return "", true, fmt.Errorf("read the mark of a diverged state: %w", err)
	}
	return strings.TrimSpace(string(b)), true, nil
}
