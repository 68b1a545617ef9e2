package arrows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// Package is what `go list -json` says of one package.
type Package struct {
	ImportPath   string
	Name         string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string // what the package links, itself not among them, tests aside
	Module       *struct{ Path, Dir string }
	Error        *struct{ Err string }
}

// Load lists the packages of the module in dir.
func Load(dir string) ([]Package, error) {
	var stderr bytes.Buffer
	command := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Deps,Module,Error", "./...")
	command.Dir, command.Stderr = dir, &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w: %s", dir, err, stderr.String())
	}
	var all []Package
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list in %s: %w", dir, err)
		}
		if p.Error != nil {
			return nil, fmt.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		all = append(all, p)
	}
}

// rel is an import path within the package's module; false for one of another module.
func (p *Package) rel(path string) (string, bool) {
	if path == p.Module.Path {
		return ".", true
	}
	return strings.CutPrefix(path, p.Module.Path+"/")
}

// files are the package's Go files: those that are linked, or all with its tests.
func (p *Package) files(tests bool) []string {
	names := p.GoFiles
	if tests {
		names = append(append(append([]string(nil), names...), p.TestGoFiles...), p.XTestGoFiles...)
	}
	paths := make([]string, 0, len(names))
	for _, name := range names {
		paths = append(paths, filepath.Join(p.Dir, name))
	}
	return paths
}
