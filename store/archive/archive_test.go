package archive

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// full is a manifest that needs no more than its Body.
func full() Manifest {
	return Manifest{
		Kind: Full, ClusterID: "cluster-1", NodeID: "n1", Version: "test", Created: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
		Timeline: Timeline0, Index: 12345, Term: 3, StateTime: time.Date(2026, 11, 26, 11, 59, 59, 0, time.UTC), FeatureLevel: 3,
		Hash: "00000000deadbeef", Agreed: &Agreed{Index: 12350, Hash: "00000000feedbeef"}, LiveTasks: 7, Queues: 2,
	}
}

// text is a body that compresses, but not to nothing.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "task %d of queue %d;", r.IntN(1000), r.IntN(10))
	}
	return b.Bytes()[:n]
}

// write makes an archive.
func write(t testing.TB, body []byte, m Manifest, o Options) ([]byte, Manifest) {
	t.Helper()
	var out bytes.Buffer
	w, err := Create(&out, o)
	must(t, err)
	for len(body) > 0 { // in pieces
		n := min(len(body), 1000)
		_, err := w.Write(body[:n])
		must(t, err)
		body = body[n:]
	}
	m, err = w.Close(m)
	must(t, err)
	return out.Bytes(), m
}

// read reads all of an archive.
func read(b []byte, k Keys) (Manifest, []byte, error) {
	r, err := Open(bytes.NewReader(b), int64(len(b)), k)
	if err != nil {
		return Manifest{}, nil, err
	}
	body, err := r.Body()
	if err != nil {
		return r.Manifest(), nil, err
	}
	defer body.Close()
	plain, err := io.ReadAll(body)
	return r.Manifest(), plain, err
}

// form is a way to write an archive, and the keys that read it.
type form struct {
	name    string
	options Options
	keys    Keys
}

func forms(t testing.TB) []form {
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	to, by := []age.Recipient{identity.Recipient()}, []age.Identity{identity}
	return []form{
		{"plain", Options{}, Keys{}},
		{"encrypted", Options{Recipients: to}, Keys{Identities: by}},
		{"signed", Options{Signer: private}, Keys{Verify: public}},
		{"encrypted and signed", Options{Recipients: to, Signer: private, Level: 2}, Keys{Identities: by, Verify: public}},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, f := range forms(t) {
		for _, size := range []int{0, 1, 100, 1 << 20} {
			t.Run(fmt.Sprintf("%s %d", f.name, size), func(t *testing.T) {
				plain := text(size)
				b, wrote := write(t, plain, full(), f.options)
				m, got, err := read(b, f.keys)
				must(t, err)
				if !bytes.Equal(got, plain) {
					t.Error("the body isn't what was written")
				}
				if !reflect.DeepEqual(m, wrote) {
					t.Errorf("manifest %+v, wrote %+v", m, wrote)
				}
				if m.Body.PlainSize != int64(size) || m.Body.Encrypted() != (f.options.Recipients != nil) {
					t.Errorf("body %+v", m.Body)
				}
				if f.options.Recipients != nil && size > 0 && bytes.Contains(b, []byte("of queue")) {
					t.Error("the body can be read without the key")
				}
			})
		}
	}
}

// refused reports whether an error is one of those that refuse an archive.
func refused(err error) bool {
	for _, e := range []error{ErrTruncated, ErrDamaged, ErrFormat, ErrSignature, ErrKey} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// TestTruncated cuts archives at every length.
func TestTruncated(t *testing.T) {
	for _, f := range forms(t) {
		b, _ := write(t, text(2000), full(), f.options)
		for n := range b {
			if _, _, err := read(b[:n], f.keys); !refused(err) {
				t.Fatalf("%s: cut to %d of %d bytes: %v", f.name, n, len(b), err)
			} else if n < 100 && !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s: cut to %d of %d bytes: %v", f.name, n, len(b), err)
			}
		}
		if _, _, err := read(append(bytes.Clone(b), 0), f.keys); !refused(err) {
			t.Errorf("%s: with a byte too many: %v", f.name, err)
		}
	}
}

// TestFlips flips random bits, 10,000 for each form: none may go unseen.
func TestFlips(t *testing.T) {
	flips := 10_000
	if testing.Short() {
		flips = 1000
	}
	for _, f := range forms(t) {
		b, _ := write(t, text(5000), full(), f.options)
		r := rand.New(rand.NewPCG(3, uint64(len(f.name))))
		for range flips {
			bit := r.IntN(len(b) * 8)
			b[bit/8] ^= 1 << (bit % 8)
			if _, _, err := read(b, f.keys); !refused(err) {
				t.Fatalf("%s: bit %d of byte %d of %d: %v", f.name, bit%8, bit/8, len(b), err)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		if _, _, err := read(b, f.keys); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTampered makes an archive of another's parts, with all digests right: only a signature tells.
func TestTampered(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	_, foreign, err := ed25519.GenerateKey(nil)
	must(t, err)
	b, m := write(t, text(2000), full(), Options{Signer: private})

	lie := m
	lie.Index++
	manifest, err := encodeManifest(lie)
	must(t, err)
	body := b[:int64(len(magicLine))+m.Body.Size]
	forge := func(trailer []byte) []byte { return append(append(bytes.Clone(body), manifest...), trailer...) }

	unsigned := forge(encodeTrailer(manifest, nil))
	if m, _, err := read(unsigned, Keys{}); err != nil || m.Index != lie.Index {
		t.Errorf("the forgery isn't one: %v", err)
	}
	for name, forged := range map[string][]byte{"not signed": unsigned, "another key": forge(encodeTrailer(manifest, foreign))} {
		if _, _, err := read(forged, Keys{Verify: public}); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The signature of the true manifest, on the false one.
	trailer := encodeTrailer(manifest, private)
	copy(trailer[trailerSignature:], ed25519.Sign(private, []byte("something else")))
	fixed := encodeTrailerCRC(trailer)
	if _, _, err := read(forge(fixed), Keys{Verify: public}); !errors.Is(err, ErrDamaged) {
		t.Errorf("another signature: %v", err)
	}
}

func TestKeys(t *testing.T) {
	all := forms(t)
	b, _ := write(t, text(2000), full(), all[1].options)
	other, err := age.GenerateX25519Identity()
	must(t, err)
	for name, k := range map[string]Keys{"none": {}, "another": {Identities: []age.Identity{other}}} {
		m, _, err := read(b, k)
		if !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
		if m.Index != full().Index {
			t.Errorf("%s: the manifest needs no key", name)
		}
	}
	// A damaged header is damage, also for whoever has the wrong key.
	b[len(magicLine)+40] ^= 1
	if _, _, err := read(b, Keys{Identities: []age.Identity{other}}); !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged header: %v", err)
	}
}

// TestForeign reads what isn't an archive.
func TestForeign(t *testing.T) {
	for name, s := range map[string]string{
		"a newer version": "rowlock archive 2\n" + strings.Repeat("x", 300),
		"another file":    strings.Repeat("SQLite format 3", 30),
	} {
		if _, _, err := read([]byte(s), Keys{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing fails after some bytes.
type failing struct{ left int }

var errDisk = errors.New("disk is full")

func (f *failing) Write(b []byte) (int, error) {
	n := min(len(b), f.left)
	f.left -= n
	if n < len(b) {
		return n, errDisk
	}
	return n, nil
}

// TestWriteFails fails at many places: the error comes out, at the latest from Close.
func TestWriteFails(t *testing.T) {
	for _, f := range forms(t) {
		b, _ := write(t, text(2000), full(), f.options)
		for n := 0; n < len(b)-16; n += 1 + n/10 { // one that is encrypted may differ by some bytes
			w, err := Create(&failing{n}, f.options)
			if err == nil {
				_, err = w.Write(text(2000))
				_, end := w.Close(full())
				if end == nil {
					t.Fatalf("%s: closed with %d of %d bytes written", f.name, n, len(b))
				}
				err = errors.Join(err, end)
			}
			if !errors.Is(err, errDisk) {
				t.Fatalf("%s: %d bytes: %v", f.name, n, err)
			}
		}
	}
}

type brokenDisk struct{ *bytes.Reader }

func (b brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off < 2000 && off+int64(len(p)) > 100 {
		return 0, errDisk
	}
	return b.Reader.ReadAt(p, off)
}

// TestReadFails: an error of reading isn't taken for damage.
func TestReadFails(t *testing.T) {
	for _, f := range forms(t) {
		b, _ := write(t, text(200_000), full(), f.options)
		r, err := Open(brokenDisk{bytes.NewReader(b)}, int64(len(b)), f.keys)
		must(t, err)
		body, err := r.Body()
		if err == nil {
			_, err = io.ReadAll(body)
		}
		if !errors.Is(err, errDisk) || refused(err) {
			t.Errorf("%s: %v", f.name, err)
		}
	}
}

// TestBadManifest: what a reader would refuse isn't written.
func TestBadManifest(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"kind":     func(m *Manifest) { m.Kind = "half" },
		"cluster":  func(m *Manifest) { m.ClusterID = "../x" },
		"timeline": func(m *Manifest) { m.Timeline = "1" },
		"hash":     func(m *Manifest) { m.Hash = "" },
		"entries":  func(m *Manifest) { m.Kind, m.FirstIndex = Log, m.Index+1 },
	} {
		w, err := Create(io.Discard, Options{})
		must(t, err)
		m := full()
		change(&m)
		if _, err := w.Close(m); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
}

func TestNames(t *testing.T) {
	log := full()
	log.Kind, log.FirstIndex = Log, 12000
	for _, m := range []Manifest{full(), log} {
		got, ok := ParseName(m.Name().String())
		if !ok || got != m.Name() {
			t.Errorf("%s: %+v", m.Name(), got)
		}
	}
	if want := "cluster-1/log/0000000000000000-00000000000000012000-00000000000000012345.rowlock"; log.Name().String() != want {
		t.Error(log.Name())
	}
	for _, bad := range []string{"", "x/full/1-2.rowlock", "a/b/full/0000000000000000-00000000000000012345.rowlock",
		"c/full/0000000000000000-99999999999999999999.rowlock", "c/full/0000000000000000-00000000000000012345.rowlock.tmp"} {
		if n, ok := ParseName(bad); ok {
			t.Errorf("%q is %+v", bad, n)
		}
	}
}
