package arrows

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// maxLines is how long a file may be, tests and generated code aside.
const maxLines = 500

// wallClock are the functions of package time that read or wait for the wall clock.
var wallClock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// source is one parsed file.
type source struct {
	path      string
	set       *token.FileSet
	file      *ast.File
	generated bool
}

func parse(path string) (source, error) {
	s := source{path: path, set: token.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return s, fmt.Errorf("parse %s: %w", path, err)
	}
	s.generated = ast.IsGenerated(s.file)
	return s, nil
}

func (s *source) at(node ast.Node) string { return s.set.Position(node.Pos()).String() }

func (s *source) imports(path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == strconv.Quote(path) })
}

// calls returns the functions of the standard library's package pkg that the file uses.
func (s *source) calls(pkg string, names ...string) []*ast.SelectorExpr {
	local := ""
	for _, spec := range s.file.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path == pkg {
			local = pkg[strings.LastIndexByte(pkg, '/')+1:]
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	var found []*ast.SelectorExpr
	ast.Inspect(s.file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok && local != "" {
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, selector.Sel.Name) {
				found = append(found, selector)
			}
		}
		return true
	})
	return found
}

// Purity checks that the core's code is a function of its input: nothing of the system is imported, no clock is read, no
// goroutine is started and no floating-point number is computed with.
func Purity(packages []Package) ([]string, error) {
	var broken []string
	for i := range packages {
		p := &packages[i]
		if rel, _ := p.rel(p.ImportPath); rel != "task" {
			continue
		}
		for _, path := range p.Imports {
			if impure.MatchString(path) {
				broken = append(broken, fmt.Sprintf("%s imports %s: the core is pure", p.ImportPath, path))
			}
		}
		for _, path := range p.files(false) {
			s, err := parse(path)
			if err != nil {
				return nil, err
			}
			broken = append(broken, s.impurities()...)
		}
	}
	return broken, nil
}

func (s *source) impurities() []string {
	var broken []string
	for _, call := range s.calls("time", wallClock...) {
		broken = append(broken, fmt.Sprintf("%s: time.%s: the core reads no clock", s.at(call), call.Sel.Name))
	}
	ast.Inspect(s.file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.GoStmt:
			broken = append(broken, s.at(n)+": go: the core starts no goroutine")
		case *ast.ChanType:
			broken = append(broken, s.at(n)+": chan: the core has nobody to talk to")
		case *ast.Ident:
			if n.Name == "float32" || n.Name == "float64" {
				broken = append(broken, fmt.Sprintf("%s: %s: processors differ in floating point, the core uses integers", s.at(n), n.Name))
			}
		}
		return true
	})
	return broken
}

// Smells checks the length of files, that only programs exit the process, and that no test sleeps.
func Smells(packages []Package) ([]string, error) {
	var broken []string
	for i := range packages {
		p := &packages[i]
		for _, path := range p.files(true) {
			s, err := parse(path)
			if err != nil {
				return nil, err
			}
			if s.generated {
				continue
			}
			test := strings.HasSuffix(path, "_test.go")
			if lines := s.set.File(s.file.FileStart).LineCount(); lines > maxLines && !test {
				broken = append(broken, fmt.Sprintf("%s: %d lines, more than %d", path, lines, maxLines))
			}
			if p.Name != "main" && !test {
				for _, call := range s.calls("os", "Exit") {
					broken = append(broken, s.at(call)+": os.Exit outside of a program")
				}
			}
			if test && !s.imports("testing/synctest") { // in its bubbles time is the test's own
				for _, call := range s.calls("time", "Sleep") {
					broken = append(broken, s.at(call)+": time.Sleep in a test: wait for a signal or a condition")
				}
			}
		}
	}
	return broken, nil
}
