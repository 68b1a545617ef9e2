package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newDoctor() *Doctor {
	return &Doctor{Now: func() time.Time { return noon }, resolved: map[string]bool{}, asked: map[string]bool{}}
}

// only returns the one finding there is.
func (d *Doctor) only(t *testing.T) Finding {
	t.Helper()
	if len(d.Findings) != 1 {
		t.Fatalf("findings %+v", d.Findings)
	}
	f := d.Findings[0]
	if (f.Grade == Good) != (f.Mend == "") {
		t.Errorf("%+v: what isn't good needs a mend, and nothing else does", f)
	}
	return f
}

func TestExpiry(t *testing.T) {
	for left, want := range map[time.Duration]Grade{-time.Hour: Bad, 2 * 24 * time.Hour: Bad, 20 * 24 * time.Hour: Warning, 90 * 24 * time.Hour: Good} {
		path := certificate(t, noon.Add(left))
		d := newDoctor()
		d.Certificates = []string{path}
		d.files()
		if f := d.only(t); f.Grade != want {
			t.Errorf("a certificate with %s left: %+v", left, f)
		}
	}
	d := newDoctor()
	d.Certificates = []string{write(t, "no certificate")}
	d.files()
	if f := d.only(t); f.Grade != Bad {
		t.Errorf("a file without a certificate: %+v", f)
	}
}

func certificate(t *testing.T, end time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestJudges(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		name  string
		judge func(*Doctor)
		want  Grade
	}{
		{"a disk with room", func(d *Doctor) { d.room("x", 50*gib, 100*gib) }, Good},
		{"a disk that fills", func(d *Doctor) { d.room("x", 14*gib, 100*gib) }, Warning},
		{"a full disk", func(d *Doctor) { d.room("x", gib, 100*gib) }, Bad},
		{"fast writes", func(d *Doctor) { d.fsync("x", "%s", time.Millisecond) }, Good},
		{"slow writes", func(d *Doctor) { d.fsync("x", "%s", 30*time.Millisecond) }, Warning},
		{"very slow writes", func(d *Doctor) { d.fsync("x", "%s", time.Second) }, Bad},
		{"a fresh backup", func(d *Doctor) { d.members = []*member{{}}; d.backupAge(true, float64(noon.Add(-time.Hour).Unix())) }, Good},
		{"an old backup", func(d *Doctor) { d.members = []*member{{}}; d.backupAge(true, float64(noon.Add(-27*time.Hour).Unix())) }, Bad},
		{"no backup", func(d *Doctor) { d.members = []*member{{}}; d.backupAge(true, 0) }, Warning},
		{"no spare voter", func(d *Doctor) { d.listing = voters(true, true, false); d.quorum() }, Bad},
		{"a spare voter", func(d *Doctor) { d.listing = voters(true, true, true); d.quorum() }, Good},
		{"one voter", func(d *Doctor) { d.listing = voters(true); d.quorum() }, Warning},
		{"clocks apart", func(d *Doctor) { d.members = clocks(-time.Second, time.Second); d.spread() }, Warning},
		{"clocks far apart", func(d *Doctor) { d.members = clocks(-4*time.Second, 4*time.Second); d.spread() }, Bad},
		{"clocks together", func(d *Doctor) { d.members = clocks(0, time.Millisecond); d.spread() }, Good},
	} {
		d := newDoctor()
		test.judge(d)
		if f := d.only(t); f.Grade != test.want {
			t.Errorf("%s: %+v", test.name, f)
		}
	}
}

func voters(healthy ...bool) (list []*rowlockv1.MemberState) {
	for _, h := range healthy {
		list = append(list, &rowlockv1.MemberState{Member: &rowlockv1.Member{Role: "voter"}, Healthy: h})
	}
	return list
}

func clocks(offsets ...time.Duration) (list []*member) {
	for _, o := range offsets {
		list = append(list, &member{offset: o, clocked: true})
	}
	return list
}

// What the doctor writes to time fsync is gone afterwards; a directory that others may read is named.
func TestDataDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.db"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := newDoctor()
	d.DataDir = dir
	d.dataDir()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
	grades := map[string]Grade{}
	for _, f := range d.Findings {
		grades[f.Check] = f.Grade
	}
	if grades["files"] != Warning || grades["fsync"] == "" || grades["disk"] == "" {
		t.Errorf("findings %+v", d.Findings)
	}
	d = newDoctor()
	d.DataDir = filepath.Join(dir, "missing")
	d.dataDir()
	if f := d.only(t); f.Grade != Bad || !strings.Contains(f.Mend, "--data-dir") {
		t.Errorf("a missing directory: %+v", f)
	}
}
