package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/hashicorp/raft"
)

// What the process that is killed does to its log: it appends, takes back and writes anew its last entries now and then, deletes
// its first ones, and votes.
const (
	killedEntry   = 20 << 10 // bytes
	killedEntries = 100      // that it keeps
	killedRewrite = 7        // every so many writes it writes the last entries anew
)

// writeLogForever writes a log that is vacuumed all the time, and prints the number of each write that is durable.
func writeLogForever(dir string) error {
	s, err := Open(testOptions(dir))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	l, err := OpenLog(testOptions(dir))
	if err != nil {
		return err
	}
	next, err := l.GetUint64([]byte("votes"))
	if err != nil && err.Error() != "not found" {
		return err
	}
	go vacuumLogForever(l)
	for ; ; next++ {
		if err := writeLog(l, next); err != nil {
			return err
		}
		if _, err := fmt.Println(next); err != nil {
			return err
		}
	}
}

func vacuumLogForever(l *LogStore) {
	for {
		if _, err := l.Vacuum(context.Background(), unhurried(nil)); err != nil && !errors.Is(err, ErrVacuumBehind) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// writeLog is write n: entry n+1, of term n+1. The vote says that it is done; a repeated write does what the first did.
func writeLog(l *LogStore, n uint64) error {
	first, last := n+1, n+1
	if n%killedRewrite == 0 && n > killedEntries {
		first = n - 2 // these are now of a newer term
	}
	var logs []*raft.Log
	for i := first; i <= last; i++ {
		logs = append(logs, killedLog(i, n+1))
	}
	if at, err := l.LastIndex(); err != nil {
		return err
	} else if at >= first {
		if err := l.DeleteRange(first, at); err != nil {
			return err
		}
	}
	if err := l.StoreLogs(logs); err != nil {
		return err
	}
	if n > killedEntries {
		if from, err := l.FirstIndex(); err != nil {
			return err
		} else if to := n - killedEntries; from <= to {
			if err := l.DeleteRange(from, to); err != nil {
				return err
			}
		}
	}
	return l.SetUint64([]byte("votes"), n+1)
}

func killedLog(index, term uint64) *raft.Log {
	e := entry(index, killedEntry)
	e.Term = term
	return e
}

// killedTerm is the term of an entry after so many writes: that of the last write that wrote it.
func killedTerm(index, writes uint64) uint64 {
	term := index
	for n := index; n < min(index+3, writes); n++ { // a rewrite writes entries n-2 to n+1
		if n%killedRewrite == 0 && n > killedEntries {
			term = max(term, n+1)
		}
	}
	return term
}

// TestLogVacuumKilled kills a process with -9 while it writes its log and vacuums it: the log is the one that the last write that
// it told of left, or the next one does, whole.
func TestLogVacuumKilled(t *testing.T) {
	dir := t.TempDir()
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for round := range rounds {
		c := startChild(t, "log", dir)
		told := c.line(t)
		for range 1 + round*7%30 {
			told = c.line(t)
		}
		if rest := c.kill(t); len(rest) > 0 {
			told = rest[len(rest)-1]
		}
		n, err := strconv.ParseUint(told, 10, 64)
		if err != nil { // cut off by the kill: there is a number before it
			t.Fatal(err)
		}
		s := openTest(t, dir)
		l := openLogTest(t, dir)
		writes, err := l.GetUint64([]byte("votes"))
		must(t, err)
		if writes != n+1 && writes != n+2 {
			t.Fatalf("round %d: %d writes are there, told were %d", round, writes, n+1)
		}
		last, err := l.LastIndex()
		must(t, err)
		first, err := l.FirstIndex()
		must(t, err)
		compareKilled(t, l, writes, first, last)
		must(t, l.Close())
		must(t, s.Close())
		if left, err := os.ReadDir(Dir(dir).Incoming()); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// compareKilled checks every entry. The write after the last that voted may have been made in part: it deletes before it writes.
func compareKilled(t *testing.T, l *LogStore, writes, first, last uint64) {
	t.Helper()
	rewriting := writes%killedRewrite == 0 && writes > killedEntries
	if last != writes && last != writes+1 && (!rewriting || last != writes-3) {
		t.Fatalf("the last entry is %d after %d writes", last, writes)
	}
	if writes > killedEntries+1 && (first < writes-killedEntries || first > writes-killedEntries+1) {
		t.Fatalf("the first entry is %d after %d writes", first, writes)
	}
	for i := first; i <= last; i++ {
		var got raft.Log
		must(t, l.GetLog(i, &got))
		if done, begun := killedTerm(i, writes), killedTerm(i, writes+1); !sameEntry(&got, killedLog(i, done)) && !sameEntry(&got, killedLog(i, begun)) {
			t.Fatalf("entry %d is of term %d, want %d or %d", i, got.Term, done, begun)
		}
	}
}
