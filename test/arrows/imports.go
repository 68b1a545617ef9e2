package arrows

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// everything marks a room that may import all others, but for the tests.
const everything = "*"

// arrows has the rooms and what each may import. A package belongs to the room of its top folder, but for the generated
// API, which is a room of its own.
var arrows = map[string][]string{
	"task":      {},
	"cert":      {},
	"rowlockv1": {},
	"store":     {"task"},
	"raftfsm":   {"store", "task", "cert"},
	"rpc":       {"raftfsm", "task", "cert", "rowlockv1"},
	"web":       {"rowlockv1"},
	"client":    {"rowlockv1", "cert"},
	"worker":    {"client", "rowlockv1"},
	"cmd":       {everything},
	"test":      {everything},
	"bench":     {everything, "test"}, // it runs servers as the end-to-end tests do
}

// impure are the packages of the standard library that the pure core must keep out.
var impure = regexp.MustCompile(`^(os|os/.*|net|net/.*|math/rand|math/rand/.*|crypto/rand|log|log/.*|sync|sync/.*|context|io/ioutil|runtime|syscall|time/tzdata)$`)

// unlinked are modules that programs which use only the SDK must not link.
var unlinked = regexp.MustCompile(`^(github\.com/hashicorp/raft(-boltdb.*)?|go\.etcd\.io/bbolt|github\.com/grpc-ecosystem/grpc-gateway/v2|github\.com/spf13/cobra)(/|$)`)

// room returns the room of a package by its path within the module.
func room(rel string) string {
	if rel == "rpc/rowlockv1" {
		return "rowlockv1"
	}
	top, _, _ := strings.Cut(rel, "/")
	return top
}

// Imports checks the arrows between the rooms, test files included.
func Imports(packages []Package) []string {
	var broken []string
	for i := range packages {
		p := &packages[i]
		rel, _ := p.rel(p.ImportPath)
		from := room(rel)
		allowed, known := arrows[from]
		if !known {
			broken = append(broken, fmt.Sprintf("%s: %q is no room of the design", p.ImportPath, from))
			continue
		}
		for _, path := range unique(p.Imports, p.TestImports, p.XTestImports) {
			target, ours := p.rel(path)
			if !ours {
				continue
			}
			to := room(target)
			if to == from || slices.Contains(allowed, to) || slices.Contains(allowed, everything) && to != "test" {
				continue
			}
			broken = append(broken, fmt.Sprintf("%s imports %s: no arrow runs from %s to %s", p.ImportPath, path, from, to))
		}
	}
	return broken
}

// Links checks what the SDK links, however far down.
func Links(packages []Package) []string {
	var broken []string
	for i := range packages {
		p := &packages[i]
		rel, _ := p.rel(p.ImportPath)
		if from := room(rel); from != "client" && from != "worker" && from != "rowlockv1" {
			continue
		}
		for _, path := range p.Deps {
			if unlinked.MatchString(path) {
				broken = append(broken, fmt.Sprintf("%s links %s, which no user of the SDK should have to", p.ImportPath, path))
			}
		}
	}
	return broken
}

// unique merges lists of import paths.
func unique(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}
