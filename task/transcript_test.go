package task_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/task"
)

var update = flag.Bool("update", false, "rewrite the outputs of the transcripts in testdata")

// TestTranscripts plays the stories in testdata. A story is a text of blocks: lines of commands and questions, then
// "----", then what they print, up to an empty line. Lines that begin with # are prose. Commands that follow each other
// in a block travel in one entry. transcript_commands_test.go lists the commands, transcript_views_test.go the
// questions. -update rewrites what is printed, for the reader of the diff to judge.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s differs; -update rewrites it:\n%s", file, firstDifference(got, string(text)))
			}
		})
	}
}

// play runs a story and returns it with what its blocks print now.
func play(t *testing.T, text string) string {
	s := &stage{group: newGroup(1), t: t, term: 1}
	var out strings.Builder
	var block []string
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out.WriteString(line + "\n")
		switch {
		case line == "----":
			out.WriteString(s.run(block))
			block = nil
			for i+1 < len(lines) && lines[i+1] != "" { // the output so far
				i++
			}
		case line == "" || strings.HasPrefix(line, "#"):
			if len(block) > 0 {
				t.Fatalf("line %d: a block without ----: %q", i+1, block)
			}
		default:
			block = append(block, line)
		}
	}
	return out.String()
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// stage is where a story is played: a machine with a disk, held against the model all the time.
type stage struct {
	*group
	t       *testing.T
	term    uint64
	pending []task.Command // of the entry that is being made
	out     strings.Builder
}

func (s *stage) machine() *task.Machine { return s.replicas[0].machine }

func (s *stage) printf(format string, args ...any) {
	fmt.Fprintf(&s.out, format+"\n", args...)
}

// run executes a block and returns what it prints.
func (s *stage) run(block []string) string {
	s.out.Reset()
	for _, line := range block {
		a := s.parse(line)
		if ask := s.question(a); ask != nil {
			a.done()
			s.flush()
			ask()
		} else {
			s.pending = append(s.pending, s.command(a))
			a.done()
		}
	}
	s.flush()
	s.check(s.t)
	return s.out.String()
}

// flush applies the entry that is being made.
func (s *stage) flush() {
	commands := s.pending
	s.pending = nil
	if len(commands) > 0 {
		s.propose(commands...)
	}
}

// propose applies an entry and prints what comes of it.
func (s *stage) propose(commands ...task.Command) {
	h, entry := s.encode(commands)
	want, wantEffects := s.model.apply(s.term, h, commands)
	got, effects, err := s.replicas[0].apply(s.term, entry)
	if err != nil {
		s.t.Fatalf("%s: %v", show(commands), err)
	}
	if err := s.replicas[0].hydrateLeased(got); err != nil {
		s.t.Fatal(err)
	}
	same(s.t, "results of "+show(commands), got, want)
	same(s.t, "effects of "+show(commands), effects, wantEffects)
	for i, c := range commands {
		s.printResult(c, got[i])
	}
	s.printEffects(effects)
}

// wait lets time pass, with the Ticks that a leader proposes when a timer is due.
func (s *stage) wait(d task.Duration) {
	until := s.clock + d
	for range 1000 {
		next, ok := s.machine().NextTimer()
		if !ok || next > until {
			break
		}
		s.clock = max(s.clock, next)
		before := s.out.Len()
		s.out.WriteString("at " + clock(s.clock) + ":\n")
		header := s.out.Len()
		s.propose(&task.Tick{})
		if s.out.Len() == header { // housekeeping that nobody sees
			kept := s.out.String()[:before]
			s.out.Reset()
			s.out.WriteString(kept)
		}
	}
	s.clock = until
	s.propose(&task.Tick{})
}

// clock prints a time as seconds since the story began.
func clock(at task.Time) string {
	if at == 0 {
		return "never"
	}
	return fmt.Sprintf("+%v", goDuration(at-start))
}
