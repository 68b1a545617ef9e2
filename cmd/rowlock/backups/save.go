package backups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

const (
	// saveAttempts is how often a backup is begun anew, at another member perhaps, when the one that sends it is gone.
	saveAttempts = 5
	savePause    = time.Second
)

// SaveOptions say how a backup is written.
type SaveOptions struct {
	// Name is the object's; empty: archive.Name.
	Name    string
	Archive archive.Options
	Now     func() time.Time
	// BytesPerSecond bounds how fast the state is taken; 0: only the member does. At least store.MinBackupRate.
	BytesPerSecond int64
	// Progress is told how many bytes of the state have been taken; it begins again from 0 with each attempt. May be nil.
	Progress func(done, total int64)
	// Retrying is told why an attempt failed that is made again. May be nil.
	Retrying func(err error)
}

// Saved is a backup that is durable at its destination.
type Saved struct {
	Name     string
	Size     int64 // of the object
	Manifest archive.Manifest
	// Reason is why the members didn't agree on the state; empty: they did.
	Reason string
}

// ErrNotAgreed means that a backup on which the members don't agree would take the place of one that is there.
var ErrNotAgreed = errors.New("the members don't agree on the state")

// Save takes a backup and writes it to the destination. Where the members didn't agree it is saved all the same, and says
// so: it is the caller's to decide what that is worth.
func Save(ctx context.Context, from Source, to bucket.Bucket, o SaveOptions) (Saved, error) {
	for attempt := 1; ; attempt++ {
		s, err := saveOnce(ctx, from, to, o)
		if err == nil || attempt == saveAttempts || !passing(err) || ctx.Err() != nil {
			return s, err
		}
		if o.Retrying != nil {
			o.Retrying(err)
		}
		select {
		case <-time.After(savePause):
		case <-ctx.Done():
			return Saved{}, err
		}
	}
}

// passing reports whether it was the member that failed, as when it stops or loses its network.
func passing(err error) bool {
	return errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrUnknownOutcome) || errors.Is(err, io.ErrUnexpectedEOF) ||
		status.Code(err) == codes.Unavailable
}

// saveOnce is one attempt. After an error there is no object, or the one that was there before.
func saveOnce(ctx context.Context, from Source, to bucket.Bucket, o SaveOptions) (Saved, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	state, err := from(ctx)
	if err != nil {
		return Saved{}, err
	}
	defer state.Close()
	s := Saved{Name: cmp.Or(o.Name, state.Manifest.Name().String())}
	s.Size, err = bucket.Stream(ctx, to, s.Name, func(writing context.Context, w io.Writer) error {
		defer context.AfterFunc(writing, cancel)() // the member's stream must end too
		return s.write(ctx, w, state, to, o)
	})
	if err != nil {
		return Saved{}, err
	}
	return s, nil
}

// write writes the archive.
func (s *Saved) write(ctx context.Context, w io.Writer, state *State, to bucket.Bucket, o SaveOptions) error {
	a, err := archive.Create(w, o.Archive)
	if err != nil {
		return err
	}
	progress := func(int64, int64) {}
	if o.Progress != nil {
		progress = o.Progress
	}
	var done int64
	progress(0, state.Size)
	block := make([]byte, 256<<10)
	from := store.Paced(ctx, state, store.NewPacer(o.BytesPerSecond, nil))
	for {
		n, err := from.Read(block)
		if n > 0 {
			if _, err := a.Write(block[:n]); err != nil {
				return err
			}
			done += int64(n)
			progress(done, state.Size)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if done != state.Size {
		return fmt.Errorf("the member announced %d bytes of state and sent %d", state.Size, done)
	}
	m := state.Manifest
	if m.Agreed, s.Reason, err = state.Verdict(ctx); err != nil {
		return err
	}
	if m.Agreed == nil {
		if err := spare(ctx, to, s.Name, s.Reason); err != nil {
			return err
		}
	}
	m.Created = o.Now().UTC()
	s.Manifest, err = a.Close(m)
	return err
}

// spare refuses to put a backup without a verdict in the place of one that is there.
func spare(ctx context.Context, to bucket.Bucket, name, reason string) error {
	there, err := to.Open(ctx, name)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	there.Close()
	return fmt.Errorf("%w (%s), and there is a backup of that name already, which was left: %s", ErrNotAgreed, reason, name)
}
