package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Identity says who the member of a data directory is. A wiped directory gets a new incarnation, and is a new member.
type Identity struct {
	NodeID      string `json:"node_id"`
	Incarnation string `json:"incarnation"`
	ClusterID   string `json:"cluster_id,omitempty"` // empty until it has joined or bootstrapped
	Standby     bool   `json:"standby,omitempty"`    // whether it asks to stay one
}

// identityFile is Identity as it is on disk.
type identityFile struct {
	Format int `json:"format"`
	Identity
	Checksum string `json:"checksum,omitempty"` // of the identity; files of older versions have none
}

// checksum is that of an identity, by which a damaged name shows: it would be another member's.
func (id Identity) checksum() string {
	text := fmt.Sprintf("%q %q %q %t", id.NodeID, id.Incarnation, id.ClusterID, id.Standby)
	return fmt.Sprintf("%08x", checksum(nil, []byte(text)))
}

const (
	identityFormat = 1
	maxIdentity    = 4096 // bytes
)

// LoadIdentity reads the directory's identity; false: it has none yet.
func LoadIdentity(dir string) (Identity, bool, error) {
	path := Dir(dir).Identity()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, false, nil
	}
	if err != nil {
		return Identity{}, false, fmt.Errorf("read identity: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxIdentity+1))
	if err != nil {
		return Identity{}, false, fmt.Errorf("read identity: %w", err)
	}
	id, err := decodeIdentity(b)
	if err != nil {
		return Identity{}, false, fmt.Errorf("%s: %w", path, err)
	}
	return id, true, nil
}

// SaveIdentity writes the directory's identity durably. The caller holds the directory through an open Store.
func SaveIdentity(dir string, id Identity) error {
	b, err := encodeIdentity(id)
	if err != nil {
		return err
	}
	return writeDurably(Dir(dir).Identity(), b)
}

func encodeIdentity(id Identity) ([]byte, error) {
	b, err := json.MarshalIndent(identityFile{identityFormat, id, id.checksum()}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}
	b = append(b, '\n')
	if _, err := decodeIdentity(b); err != nil {
		return nil, fmt.Errorf("identity %+v can't be kept: %w", id, err)
	}
	return b, nil
}

func decodeIdentity(b []byte) (Identity, error) {
	if len(b) > maxIdentity {
		return Identity{}, fmt.Errorf("%w: identity of more than %d bytes", ErrCorrupt, maxIdentity)
	}
	var f identityFile
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&f); err != nil {
		return Identity{}, fmt.Errorf("%w: identity: %w", ErrCorrupt, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Identity{}, fmt.Errorf("%w: identity: something follows it", ErrCorrupt)
	}
	if f.Format != identityFormat {
		return Identity{}, fmt.Errorf("%w: identity of format %d, this version knows %d", ErrFormat, f.Format, identityFormat)
	}
	if f.NodeID == "" || f.Incarnation == "" {
		return Identity{}, fmt.Errorf("%w: identity without node_id or incarnation", ErrCorrupt)
	}
	if f.Checksum != "" && f.Checksum != f.Identity.checksum() {
		return Identity{}, fmt.Errorf("%w: identity: checksum doesn't match", ErrCorrupt)
	}
	return f.Identity, nil
}
