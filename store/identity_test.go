package store

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	if id, ok, err := LoadIdentity(dir); ok || err != nil {
		t.Errorf("of an empty directory: %+v, %v", id, err)
	}
	for _, want := range []Identity{{NodeID: "a", Incarnation: "1"}, {NodeID: "a", Incarnation: "1", ClusterID: "c"}} {
		must(t, SaveIdentity(dir, want))
		if got, ok, err := LoadIdentity(dir); got != want || !ok || err != nil {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for _, bad := range []Identity{{}, {NodeID: "a"}, {Incarnation: "1"}, {NodeID: strings.Repeat("a", maxIdentity), Incarnation: "1"}} {
		if err := SaveIdentity(dir, bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if got, _, err := LoadIdentity(dir); err != nil || got.ClusterID != "c" {
		t.Errorf("a refused identity has changed the file: %+v, %v", got, err)
	}
}

func TestDamagedIdentity(t *testing.T) {
	for text, want := range map[string]error{
		"":  ErrCorrupt,
		"{": ErrCorrupt,
		`{"format":1,"node_id":"a","incarnation":""}`:                        ErrCorrupt,
		`{"format":1,"node_id":"a","incarnation":"1"} x`:                     ErrCorrupt,
		`{"format":1,"node_id":"a","incarnation":"1","checksum":"00000000"}`: ErrCorrupt,
		`{"format":2,"node_id":"a","incarnation":"1"}`:                       ErrFormat,
		`{"format":1,"node_id":"a","incarnation":"1"}` + spaces(maxIdentity): ErrCorrupt,
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(Dir(dir).Identity(), []byte(text), 0o600))
		if _, _, err := LoadIdentity(dir); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", text, err, want)
		}
	}
}

func spaces(n int) string { return strings.Repeat(" ", n) }
