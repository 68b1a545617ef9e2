package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotEmpty refuses to make a state in a directory that holds something already.
var ErrNotEmpty = errors.New("the directory isn't empty")

// Claim is a data directory that a restore is to fill, and its lock. What Begin and Finish leave behind when the process dies
// between them is refused by whoever opens the directory to serve from it (Unfinished), and taken by a repeated restore.
type Claim struct {
	Dir  Dir
	lock *os.File
	// unfinished is the cluster ID of a restore that was begun here and didn't end; settled that of one that ended here and
	// from which no member has been started.
	unfinished, settled string
}

// restoringFile is what the mark of an unfinished restore says.
type restoringFile struct {
	ClusterID string `json:"cluster_id"`
}

// ClaimForRestore takes data directories that are empty, or were left by the same restore before it had ended; they are made if
// they don't exist. Close gives them back.
//
// ErrNotEmpty: one holds something else. ErrLocked: another process has one.
func ClaimForRestore(dirs []string) (claims []*Claim, err error) {
	defer func() {
		if err != nil {
			for _, c := range claims {
				err = errors.Join(err, c.Close())
			}
			claims = nil
		}
	}()
	unfinished := map[string]bool{}
	for _, dir := range dirs {
		c, err := claim(Dir(dir))
		if err != nil {
			return claims, err
		}
		claims = append(claims, c)
		unfinished[c.unfinished] = true
	}
	for _, c := range claims {
		if c.settled != "" && !unfinished[c.settled] {
			return claims, fmt.Errorf("%w: %s holds the state of cluster %s: restore into another directory, or remove this one", ErrNotEmpty, c.Dir, c.settled)
		}
	}
	return claims, nil
}

func claim(d Dir) (*Claim, error) {
	if err := d.create(); err != nil {
		return nil, err
	}
	lock, err := lockDir(d)
	if err != nil {
		return nil, err
	}
	c := &Claim{Dir: d, lock: lock}
	if err := c.look(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := d.clean(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return c, nil
}

// look finds out what the directory holds.
func (c *Claim) look() error {
	mark, marked, err := Unfinished(string(c.Dir))
	if err != nil {
		return err
	}
	if marked {
		c.unfinished = mark
		return nil
	}
	entries, err := os.ReadDir(string(c.Dir))
	if err != nil {
		return fmt.Errorf("look into the data directory: %w", err)
	}
	state, identity := false, false
	for _, e := range entries {
		switch filepath.Join(string(c.Dir), e.Name()) {
		case c.Dir.Lock(), c.Dir.Incoming(), filepath.Join(string(c.Dir), "lost+found"): // of a file system of its own
		case c.Dir.State():
			state = true
		case c.Dir.Identity():
			identity = true
		default:
			return fmt.Errorf("%w: %s has %s: restore into another directory, or empty this one", ErrNotEmpty, c.Dir, e.Name())
		}
	}
	if !state && !identity {
		return nil
	}
	id, ok, err := LoadIdentity(string(c.Dir))
	if err != nil || !ok || !state || id.ClusterID == "" {
		return fmt.Errorf("%w: %s has a member's files: restore into another directory, or empty this one", ErrNotEmpty, c.Dir)
	}
	c.settled = id.ClusterID
	return nil
}

// CreateImage makes an empty file in the directory, for the state file.
func (c *Claim) CreateImage() (*os.File, error) {
	f, err := os.CreateTemp(c.Dir.Incoming(), "image")
	if err != nil {
		return nil, fmt.Errorf("create image: %w", noSpace(err))
	}
	return f, nil
}

// Begin marks the directory durably as one of a restore that hasn't ended, and removes what an earlier try has left.
func (c *Claim) Begin(clusterID string) error {
	b, err := json.Marshal(restoringFile{clusterID})
	if err != nil {
		return fmt.Errorf("mark the restore as begun: %w", err)
	}
	if err := writeDurably(c.Dir.Restoring(), append(b, '\n')); err != nil {
		return fmt.Errorf("mark the restore as begun: %w", err)
	}
	for _, path := range []string{c.Dir.State(), c.Dir.Identity(), c.Dir.Log(), c.Dir.Diverged()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an unfinished restore has left: %w", err)
		}
	}
	return syncPath(string(c.Dir))
}

// Fill puts a prepared state file and the member's identity into the directory.
func (c *Claim) Fill(image string, id Identity) error {
	if err := syncPath(image); err != nil {
		return err
	}
	if err := moveDurably(image, c.Dir.State()); err != nil {
		return err
	}
	return SaveIdentity(string(c.Dir), id)
}

// Finish takes the mark away: from now on a member may be started from the directory.
func (c *Claim) Finish() error {
	if err := os.Remove(c.Dir.Restoring()); err != nil {
		return fmt.Errorf("mark the restore as ended: %w", err)
	}
	return syncPath(string(c.Dir))
}

// Close removes unfinished files, and gives the directory back.
func (c *Claim) Close() error { return errors.Join(c.Dir.clean(), c.lock.Close()) }

// Unfinished returns the ID of the cluster that a restore into the directory was to make, and didn't; false: there was none.
func Unfinished(dir string) (clusterID string, marked bool, err error) {
	b, err := os.ReadFile(Dir(dir).Restoring())
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", true, fmt.Errorf("read the mark of an unfinished restore: %w", err)
	}
	var f restoringFile
	if json.Unmarshal(b, &f) == nil {
		clusterID = f.ClusterID
	}
	return clusterID, true, nil // a mark that can't be read is there all the same
}
