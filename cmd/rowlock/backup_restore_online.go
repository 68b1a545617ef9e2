package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// uploadPart is how many bytes of the state file travel in one message.
const uploadPart = 512 << 10

// restoreOnline puts the state in the place of a running cluster's.
func (p *program) restoreOnline(cmd *cobra.Command, f *restoreFlags, s *stagedState, done *restored, connect *clientFlags, confirm *confirmation) error {
	return connect.run(cmd, func(ctx context.Context, c *connection) error {
		status, err := c.cluster.GetStatus(ctx, &rowlockv1.GetStatusRequest{})
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "%s\nCluster %s has %s now, as member %s sees it. All of that goes, and so does what happened there since the backup.\n",
			done.text(s.name, p.now()), status.GetClusterId(), render.Count(status.GetLiveTasks(), "live task"), status.GetNodeId())
		if err := confirm.ask(true, "put the backup in the place of the state of cluster %s, on its %s", status.GetClusterId(), render.Count(len(status.GetMembers()), "member")); err != nil {
			return err
		}
		answer, err := p.upload(ctx, c, s.path, &rowlockv1.RestoreHeader{StateHash: done.Hash, Why: f.why, ClusterId: status.GetClusterId()})
		if err != nil {
			return err
		}
		done.ClusterID, done.Timeline, done.FeatureLevel = answer.GetClusterId(), answer.GetTimeline(), answer.GetFeatureLevel()
		return nil
	})
}

// upload sends the state file and waits until it is the cluster's.
func (p *program) upload(ctx context.Context, c *connection, path string, header *rowlockv1.RestoreHeader) (*rowlockv1.RestoreClusterResponse, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	h := sha256.New()
	size, err := io.Copy(h, file)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	header.Size, header.Sha256 = uint64(size), h.Sum(nil)
	stream, err := rowlockv1.NewRestoreServiceClient(c.Conn()).RestoreCluster(ctx)
	if err != nil {
		return nil, err
	}
	bar := p.progress(size, "sending the state", "bytes")
	defer bar.stop()
	err = stream.Send(&rowlockv1.RestoreClusterRequest{Part: &rowlockv1.RestoreClusterRequest_Header{Header: header}})
	for buf := make([]byte, uploadPart); err == nil; { // after an error the answer says what is wrong
		n, readErr := file.Read(buf)
		if n > 0 {
			err = stream.Send(&rowlockv1.RestoreClusterRequest{Part: &rowlockv1.RestoreClusterRequest_Data{Data: buf[:n]}})
			bar.add(n)
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return nil, readErr
		}
	}
	return stream.CloseAndRecv()
}
