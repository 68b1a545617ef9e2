package task_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/task"
)

// arguments is a line of a story: a verb, words, and key=value pairs. Quotes keep spaces.
type arguments struct {
	t     *testing.T
	line  string
	verb  string
	words []string
	pairs map[string]string
}

func (s *stage) parse(line string) *arguments {
	a := &arguments{t: s.t, line: line, pairs: map[string]string{}}
	for _, f := range fields(line) {
		switch key, value, pair := strings.Cut(f, "="); {
		case a.verb == "":
			a.verb = f
		case pair:
			a.pairs[key] = value
		default:
			a.words = append(a.words, f)
		}
	}
	return a
}

// fields splits a line at spaces outside of double quotes.
func fields(line string) []string {
	quoted := false
	fs := strings.FieldsFunc(line, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return c == ' ' && !quoted
	})
	for i := range fs {
		fs[i] = strings.ReplaceAll(fs[i], `"`, "")
	}
	return fs
}

// done complains about what nobody has asked for.
func (a *arguments) done() {
	a.t.Helper()
	if len(a.words) > 0 || len(a.pairs) > 0 {
		a.t.Fatalf("%s: what are %q and %q?", a.line, a.words, a.pairs)
	}
}

func (a *arguments) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatalf("%s: %v", a.line, err)
	}
}

// word takes the next word; "" if there is none.
func (a *arguments) word() string {
	if len(a.words) == 0 {
		return ""
	}
	w := a.words[0]
	a.words = a.words[1:]
	return w
}

func (a *arguments) value(key string) string {
	v := a.pairs[key]
	delete(a.pairs, key)
	return v
}

func (a *arguments) has(key string) bool { _, ok := a.pairs[key]; return ok }

// flag takes a word, if it is there.
func (a *arguments) flag(word string) bool {
	i := slices.Index(a.words, word)
	if i >= 0 {
		a.words = slices.Delete(a.words, i, i+1)
	}
	return i >= 0
}

func (a *arguments) list(key string) []string {
	if v := a.value(key); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}

func (a *arguments) number(key string) uint64 {
	v := a.value(key)
	if v == "" {
		return 0
	}
	return a.parseNumber(v)
}

func (a *arguments) parseNumber(v string) uint64 {
	n, err := strconv.ParseUint(v, 10, 64)
	a.check(err)
	return n
}

func (a *arguments) numbers(values []string) []uint64 {
	var ns []uint64
	for _, v := range values {
		ns = append(ns, a.parseNumber(v))
	}
	return ns
}

// labels reads key:value,….
func (a *arguments) labels(key string) (list []task.Label) {
	for _, l := range a.list(key) {
		k, v, _ := strings.Cut(l, ":")
		list = append(list, task.Label{Key: k, Value: v})
	}
	return list
}

// rate reads tasks/time/burst.
func (a *arguments) rate(key string) task.Rate {
	parts := strings.Split(a.value(key), "/")
	if len(parts) != 3 {
		return task.Rate{}
	}
	return task.Rate{Tasks: uint32(a.parseNumber(parts[0])), Per: a.parseDuration(parts[1]), Burst: uint32(a.parseNumber(parts[2]))}
}

// ids takes all words that are left.
func (a *arguments) ids() []task.ID { return a.parseIDs(a.rest()) }

func (a *arguments) rest() []string {
	words := a.words
	a.words = nil
	return words
}

func (a *arguments) parseIDs(values []string) []task.ID {
	var ids []task.ID
	for _, n := range a.numbers(values) {
		ids = append(ids, task.ID(n))
	}
	return ids
}

func (a *arguments) duration(key string) task.Duration { return a.parseDuration(a.value(key)) }

func (a *arguments) parseDuration(v string) task.Duration {
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	a.check(err)
	return d.Microseconds()
}

// time takes a time that is given as the span since the story began.
func (a *arguments) time(key string) task.Time {
	if !a.has(key) {
		return 0
	}
	return start + a.duration(key)
}

func (a *arguments) durations(key string) []task.Duration {
	var ds []task.Duration
	for _, v := range a.list(key) {
		ds = append(ds, a.parseDuration(v))
	}
	return ds
}
