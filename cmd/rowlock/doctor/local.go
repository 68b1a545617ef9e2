package doctor

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rowlock/rowlock/store"
)

// fsyncs is how many are timed; the slowest but one counts.
const fsyncs = 8

// dataDir examines a data directory on this machine.
func (d *Doctor) dataDir() {
	dir := d.DataDir
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		d.add(Bad, "data", dir, "name the directory that the server was given with --data-dir", "%s", lastCause(err))
		return
	case !info.IsDir():
		d.add(Bad, "data", dir, "name the directory, not a file in it", "is no directory")
		return
	}
	if free, total, err := store.DiskSpace(dir); err != nil {
		d.add(Unknown, "disk", dir, "", "%s", err)
	} else {
		d.room(dir, free, total)
	}
	d.permissions(dir)
	took, err := timeFsync(dir)
	if err != nil {
		d.add(Bad, "fsync", dir, "the server's user must be able to write there, and the disk must have room", "can't write there: %s", lastCause(err))
		return
	}
	d.fsync(dir, "takes %s", took)
}

// timeFsync writes a small file, which it removes, and returns how long a write that lasts takes.
func timeFsync(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 4096)
	for range fsyncs {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took += time.Since(start)
	}
	return took / fsyncs, nil
}

// permissions sees to it that nobody else can read the tasks, and that this user's files are this user's.
func (d *Doctor) permissions(dir string) {
	open, foreign := "", ""
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // the server has removed it meanwhile
			return nil
		} else if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && open == "" {
			open = path
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() && foreign == "" {
			foreign = path
		}
		if e.IsDir() && info.Mode().Perm()&0o077 == 0 && path == dir {
			open = "-" // what is inside can't be reached by others
		}
		return nil
	})
	switch {
	case err != nil:
		d.add(Bad, "files", dir, "run the doctor as the user that the server runs as", "%s", lastCause(err))
	case open != "" && open != "-":
		d.add(Warning, "files", dir, "chmod -R go= "+dir, "others may read %s", open)
	case foreign != "":
		d.add(Warning, "files", dir, "run the doctor as the server's user, or give the files to it: chown -R", "%s belongs to another user", foreign)
	default:
		d.good("files", dir, "only their owner may read them")
	}
}

// files examines those that hold secrets, and certificates.
func (d *Doctor) files() {
	for _, path := range d.Files {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			d.add(Bad, "files", path, "see that it is there and this user may read it", "%s", lastCause(err))
		case info.Mode().Perm()&0o077 != 0:
			d.add(Bad, "files", path, "chmod go= "+path, "others may read it: its mode is %04o", info.Mode().Perm())
		default:
			d.good("files", path, "only its owner may read it")
		}
	}
	for _, path := range d.Certificates {
		d.certificateFile(path)
	}
}

func (d *Doctor) certificateFile(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		d.add(Bad, "certificate", path, "see that it is there and this user may read it", "%s", lastCause(err))
		return
	}
	found := false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			continue
		}
		found = true
		d.expiry("certificate", path, cert)
	}
	if !found {
		d.add(Bad, "certificate", path, "name a PEM file", "has no certificate")
	}
}
