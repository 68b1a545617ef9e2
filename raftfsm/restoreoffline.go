package raftfsm

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// OfflineMember is a voter of the group that an offline restore makes.
type OfflineMember struct {
	NodeID string
	// Address is its Raft address, host:port, as the other members dial it.
	Address string
	// Dir is its data directory: empty, or not there yet.
	Dir string
}

// OfflineRestore makes the data directories of a new group with the state of a backup.
type OfflineRestore struct {
	Members []OfflineMember // all voters, at least one
	// Fetch writes the state file of the backup.
	Fetch func(to *os.File) error
	// Hash is what its state hash must be; nil: it isn't known.
	Hash *uint64
	// Confirm is shown what will be done, once the backup is known to be good; an error refuses it. Nothing has been changed by then.
	Confirm func(RestoreSummary) error
	// Why is what the cluster says while it is suspended.
	Why    string
	Logger *slog.Logger
	Now    func() time.Time
}

// RestoreSummary says what a restore does.
type RestoreSummary struct {
	store.Restored
	ClusterID string
}

// Run restores. It is atomic for each directory and for all together: as long as one isn't complete, no member starts from it,
// and the same call may be repeated.
//
// store.ErrNotEmpty, store.ErrLocked: a directory can't be used. store.ErrCorrupt, store.ErrHash: the backup isn't good.
// task.ErrNewerLevel: it is a newer version's.
func (r *OfflineRestore) Run() (done RestoreSummary, err error) {
	if len(r.Members) == 0 {
		return done, fmt.Errorf("%w: name at least one member", ErrRefused)
	}
	var dirs []string
	for _, m := range r.Members {
		dirs = append(dirs, m.Dir)
	}
	claims, err := store.ClaimForRestore(dirs)
	if err != nil {
		return done, err
	}
	defer func() {
		for _, c := range claims {
			err = errors.Join(err, c.Close())
		}
	}()
	if done.ClusterID, err = NewClusterID(); err != nil {
		return done, err
	}
	identities, configuration, err := r.voters(done.ClusterID)
	if err != nil {
		return done, err
	}
	image, err := r.prepare(claims[0], configuration, &done)
	if err != nil {
		return done, err
	}
	if err := r.Confirm(done); err != nil {
		return done, err
	}
	return done, r.fill(claims, identities, image, done.ClusterID)
}

// voters makes up who the members are.
func (r *OfflineRestore) voters(clusterID string) ([]store.Identity, []byte, error) {
	var ids []store.Identity
	var c raft.Configuration
	for _, m := range r.Members {
		incarnation, err := randomName(4)
		if err != nil {
			return nil, nil, err
		}
		id := store.Identity{NodeID: m.NodeID, Incarnation: incarnation, ClusterID: clusterID}
		ids = append(ids, id)
		c.Servers = append(c.Servers, raft.Server{Suffrage: raft.Voter, ID: serverID(id), Address: raft.ServerAddress(m.Address)})
	}
	return ids, raft.EncodeConfiguration(c), nil
}

// prepare fetches the backup into the first directory and makes it the new group's state.
func (r *OfflineRestore) prepare(first *store.Claim, configuration []byte, done *RestoreSummary) (string, error) {
	f, err := first.CreateImage()
	if err != nil {
		return "", err
	}
	if err := errors.Join(r.Fetch(f), f.Close()); err != nil {
		return "", err
	}
	done.Restored, err = store.PrepareRestore(f.Name(), store.RestoreOptions{
		Logger: r.Logger, Now: r.Now, Hash: r.Hash,
		Restoration: func(m *task.Machine, p store.Position) (task.Restoration, error) {
			return task.Restoration{
				Now: r.Now().UnixMicro(), Index: p.Index, Timeline: m.Timeline().ID + 1, Why: r.Why,
				Counters: ahead(m.Counters()), // also where this machine's clock is behind that of an earlier restore
			}, nil
		},
		Place: func(p store.Position) store.Position { return foundingPosition(p.Index, configuration) },
	})
	return f.Name(), err
}

// foundingPosition is where a new group begins with a state: as if its first term had brought all entries up to there. All its
// members have the same.
func foundingPosition(index uint64, configuration []byte) store.Position {
	index = max(index, 1)
	return store.Position{Index: index, Term: 1, Configuration: configuration, ConfigurationIndex: index}
}

// fill puts the state into all directories. A process that dies in it leaves marks, so that no member starts from a part.
func (r *OfflineRestore) fill(claims []*store.Claim, ids []store.Identity, image, clusterID string) error {
	for _, c := range claims {
		if err := c.Begin(clusterID); err != nil {
			return err
		}
	}
	for i := len(claims) - 1; i >= 0; i-- { // the first directory's, of which the others get copies, comes last
		path := image
		if i > 0 {
			var err error
			if path, err = copyImage(claims[i], image); err != nil {
				return err
			}
		}
		if err := claims[i].Fill(path, ids[i]); err != nil {
			return err
		}
	}
	for _, c := range claims {
		if err := c.Finish(); err != nil {
			return err
		}
	}
	return nil
}

func copyImage(to *store.Claim, image string) (string, error) {
	from, err := os.Open(image)
	if err != nil {
		return "", fmt.Errorf("copy the state: %w", err)
	}
	defer from.Close()
	f, err := to.CreateImage()
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("copy the state to %s: %w", to.Dir, err)
	}
	return f.Name(), nil
}

// refuseUnfinished refuses a directory into which a restore hasn't come to its end.
func refuseUnfinished(dir string) error {
	if _, marked, err := store.Unfinished(dir); err != nil || !marked {
		return err
	}
	return fmt.Errorf("%w: a restore into data directory %s hasn't come to its end: run 'rowlock backup restore' again", ErrUnfinished, dir)
}
