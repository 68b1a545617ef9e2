package archive

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// Format is the version of the container and of the manifest.
const Format = 1

// The kinds of archives.
const (
	Full = "full" // the state file at one entry of the log
	Log  = "log"  // entries of the log
)

// Timeline0 is the timeline of a cluster that was never restored.
const Timeline0 = "0000000000000000"

// The forms of the codecs in Body.
const (
	CompressionZstd = "zstd"
	EncryptionAge   = "age"
)

// maxManifest bounds a manifest in bytes.
const maxManifest = 1 << 20

// Manifest says what an archive holds. Times are RFC 3339, digests and hashes lower-case hex.
type Manifest struct {
	Format    int       `json:"format"`
	Kind      string    `json:"kind"` // Full or Log
	ClusterID string    `json:"cluster_id"`
	NodeID    string    `json:"node_id,omitempty"` // of the member that it was taken from
	Version   string    `json:"version,omitempty"` // of the program that wrote it
	Created   time.Time `json:"created"`
	Timeline  string    `json:"timeline"` // 16 hex digits, Timeline0 from the start, larger after each restore

	Index        uint64    `json:"index"` // of the last entry of the log that is covered
	Term         uint64    `json:"term"`  // of that entry
	StateTime    time.Time `json:"state_time"`
	FeatureLevel uint32    `json:"feature_level"`

	// Of a full archive.
	Hash      string  `json:"hash,omitempty"` // of the state at Index
	Agreed    *Agreed `json:"agreed,omitempty"`
	LiveTasks uint64  `json:"live_tasks,omitempty"`
	Queues    uint64  `json:"queues,omitempty"`

	// Of a log archive. PrevIndex, PrevTerm and PrevSHA256 are those of the archive before in the chain: its Index, its
	// Term and the PlainSHA256 of its body; empty at the chain's beginning.
	FirstIndex     uint64    `json:"first_index,omitempty"`
	FirstTerm      uint64    `json:"first_term,omitempty"`
	FirstStateTime time.Time `json:"first_state_time,omitzero"`
	Entries        uint64    `json:"entries,omitempty"`
	PrevIndex      uint64    `json:"prev_index,omitempty"`
	PrevTerm       uint64    `json:"prev_term,omitempty"`
	PrevSHA256     string    `json:"prev_sha256,omitempty"`

	Body Body `json:"body"`
}

// Moment is the earliest time of which a full archive is the state: its state time or, where nothing had ever been stamped with a
// time yet, as in a group that has just begun, that of its making. Nothing is known of the time before.
func (m *Manifest) Moment() time.Time {
	if m.StateTime.UnixMicro() > 0 {
		return m.StateTime
	}
	return m.Created
}

// Agreed is a verdict: after the entry of Index, at or after the manifest's, a strict majority of the voters had the
// state hash Hash, and the member of the backup had it too.
type Agreed struct {
	Index uint64 `json:"index"`
	Hash  string `json:"hash"`
}

// Body says how the body lies in the object. Sizes are in bytes.
type Body struct {
	Size        int64  `json:"size"` // as it lies there
	SHA256      string `json:"sha256"`
	PlainSize   int64  `json:"plain_size"` // decrypted and decompressed
	PlainSHA256 string `json:"plain_sha256"`
	Compression string `json:"compression"`          // CompressionZstd
	Encryption  string `json:"encryption,omitempty"` // EncryptionAge, or none
}

// Encrypted reports whether an identity is needed to read the body.
func (b Body) Encrypted() bool { return b.Encryption != "" }

var (
	timelineForm = regexp.MustCompile(`^[0-9a-f]{16}$`)
	// A cluster ID is part of an object's name.
	clusterForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
)

// validate refuses a manifest that no Writer makes.
func (m Manifest) validate() error {
	switch {
	case m.Format != Format:
		return fmt.Errorf("%w: its manifest is of format %d, this version knows %d", ErrFormat, m.Format, Format)
	case m.Kind != Full && m.Kind != Log:
		return damaged("manifest: kind %q is neither %q nor %q", m.Kind, Full, Log)
	case !clusterForm.MatchString(m.ClusterID):
		return damaged("manifest: %q is no cluster ID", m.ClusterID)
	case !timelineForm.MatchString(m.Timeline):
		return damaged("manifest: timeline %q isn't 16 hex digits", m.Timeline)
	case m.Kind == Log && (m.FirstIndex == 0 || m.FirstIndex > m.Index):
		return damaged("manifest: entries %d to %d", m.FirstIndex, m.Index)
	case m.Kind == Full && !isHex(m.Hash, 8):
		return damaged("manifest: state hash %q isn't 16 hex digits", m.Hash)
	case m.Body.Size < 0 || m.Body.PlainSize < 0:
		return damaged("manifest: negative size of the body")
	case !isHex(m.Body.SHA256, 32) || !isHex(m.Body.PlainSHA256, 32):
		return damaged("manifest: a digest of the body isn't 64 hex digits")
	case m.Body.Compression != CompressionZstd:
		return fmt.Errorf("%w: compression %q, this version knows %q", ErrFormat, m.Body.Compression, CompressionZstd)
	case m.Body.Encryption != "" && m.Body.Encryption != EncryptionAge:
		return fmt.Errorf("%w: encryption %q, this version knows %q", ErrFormat, m.Body.Encryption, EncryptionAge)
	}
	return nil
}

func isHex(s string, bytes int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == bytes
}

func encodeManifest(m Manifest) ([]byte, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	if len(b) > maxManifest {
		return nil, fmt.Errorf("encode manifest: %d bytes, more than %d", len(b), maxManifest)
	}
	return append(b, '\n'), nil
}

func decodeManifest(b []byte) (Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&m); err != nil {
		return Manifest{}, damaged("manifest: %v", err)
	}
	return m, m.validate()
}

// HashText is a state hash as manifests, and people, have it.
func HashText(h uint64) string { return fmt.Sprintf("%016x", h) }
