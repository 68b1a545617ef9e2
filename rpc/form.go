package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// formEvery is how often a server without a group looks for one.
	formEvery = 500 * time.Millisecond
	// formWord is how often it says what it waits for.
	formWord = 10 * time.Second
)

// Former finds the group of a server without state, or founds one with others in the same position. Meanwhile it answers
// at the server's ports, so that they find each other.
//
// A group is founded by the server with the lowest node ID among exactly Expect servers without state, once all of them
// have promised, durably, to belong to its cluster and no other. Two groups can't form from servers of which one is
// common to both, whatever each sees of the others.
type Former struct {
	// Join are API addresses, host[:port], of some or all servers; Expect is how many found a group, 0: none is founded.
	Join   []string
	Expect int
	// APIAddr and HTTPAddr are where to answer.
	APIAddr, HTTPAddr string
	// Version is what GetStatus tells.
	Version string
	Logger  *slog.Logger
}

// Form returns the group that was found or agreed on, or ctx's error.
func (f *Former) Form(ctx context.Context, self raftfsm.Forming) (raftfsm.Founding, error) {
	if f.Expect == 1 {
		id, err := ownOrNew(self.ClusterID)
		return raftfsm.Founding{ClusterID: id, Bootstrap: true}, err
	}
	w := &waiting{self: self, version: f.Version, clusterID: self.ClusterID}
	stop, err := f.answer(w)
	if err != nil {
		return raftfsm.Founding{}, err
	}
	defer stop()
	f.Logger.Info("looking for a group", "join", f.Join, "expect", f.Expect, "node_id", self.NodeID)
	tick := time.NewTicker(formEvery)
	defer tick.Stop()
	word := time.Now()
	for {
		found, problems := seek(ctx, f.Join)
		founding, state, err := f.look(ctx, w, found)
		switch {
		case err != nil || founding != nil:
			if err != nil {
				return raftfsm.Founding{}, err
			}
			return *founding, nil
		case time.Since(word) > formWord:
			word = time.Now()
			f.Logger.Warn("still without a group", "because", state, "not_reached", problems)
		}
		select {
		case <-ctx.Done():
			return raftfsm.Founding{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// look decides what to do about the servers that answered; or says what it waits for.
func (f *Former) look(ctx context.Context, w *waiting, found []sighted) (*raftfsm.Founding, string, error) {
	own := w.promised()
	clusters := map[string]string{} // that have begun, and a member of each
	level := uint32(0)              // the highest feature level of a group
	var peers []sighted             // without state, this server aside
	for _, s := range found {
		id := s.status.GetSelf().GetServerId()
		switch {
		case id == w.self.Self.ServerID:
		case s.status.GetFounded():
			clusters[s.status.GetClusterId()] = s.addr
			level = max(level, s.status.GetFeatureLevel())
		case !slices.ContainsFunc(peers, func(o sighted) bool { return o.status.GetSelf().GetServerId() == id }):
			peers = append(peers, s)
		}
	}
	switch {
	case len(clusters) > 1:
		return nil, "", fmt.Errorf("the servers to join belong to different clusters: %v", clusters)
	case len(clusters) == 1:
		for id, at := range clusters {
			if own != "" && id != own {
				return nil, "", fmt.Errorf("this server's data directory is promised to cluster %s, and the one at %s is of cluster %s: "+
					"if nothing was stored here, remove the data directory", own, at, id)
			}
			if level > w.self.SupportedLevel {
				return nil, "", fmt.Errorf("%w: the one at %s is at feature level %d, and this version supports up to %d: run a newer version here",
					raftfsm.ErrTooOld, at, level, w.self.SupportedLevel)
			}
			return &raftfsm.Founding{ClusterID: id}, "", nil
		}
	case f.Expect == 0:
		return nil, "no server has a group, and without --bootstrap-expect none is founded", nil
	case len(peers)+1 != f.Expect:
		return nil, fmt.Sprintf("%d servers without a group were found, this one included, and %d are expected", len(peers)+1, f.Expect), nil
	}
	names := map[string]bool{w.self.NodeID: true}
	for _, p := range peers {
		name := p.status.GetNodeId()
		if names[name] {
			return nil, "", fmt.Errorf("two servers are called %q: give each a --node-id of its own", name)
		}
		names[name] = true
		if name < w.self.NodeID { // it founds the group
			return nil, fmt.Sprintf("%s is to found the group", name), nil
		}
	}
	return f.found(ctx, w, peers)
}

// found founds a group if all peers agree.
func (f *Former) found(ctx context.Context, w *waiting, peers []sighted) (*raftfsm.Founding, string, error) {
	own, err := ownOrNew(w.promised())
	if err != nil {
		return nil, "", err
	}
	if err := w.promise(own); err != nil {
		return nil, "", err
	}
	self := w.member()
	founding := &raftfsm.Founding{ClusterID: own, Bootstrap: true}
	for _, p := range peers {
		var answer *pb.FormClusterResponse
		err := callAt(ctx, p.addr, func(c *grpc.ClientConn) (err error) {
			ctx, cancel := context.WithTimeout(ctx, seekTimeout)
			defer cancel()
			answer, err = pb.NewPeerServiceClient(c).FormCluster(ctx, &pb.FormClusterRequest{ClusterId: own, Founder: self})
			return err
		})
		if err != nil {
			return nil, fmt.Sprintf("%s doesn't agree to found a group: %s", p.status.GetNodeId(), toStatus(err).Message()), nil
		}
		if answer.GetSelf().GetServerId() != p.status.GetSelf().GetServerId() {
			return nil, fmt.Sprintf("another server than %s answered", p.status.GetNodeId()), nil
		}
		founding.Founders = append(founding.Founders, raftfsm.Founder{
			ServerID: answer.GetSelf().GetServerId(), Address: answer.GetSelf().GetAddress(),
		})
	}
	f.Logger.Info("founding a group", "cluster_id", own, "servers", len(peers)+1)
	return founding, "", nil
}

// ownOrNew is the cluster that a server is promised to, or a new one.
func ownOrNew(clusterID string) (string, error) {
	if clusterID != "" {
		return clusterID, nil
	}
	return raftfsm.NewClusterID()
}

// waiting answers for a server that has no group yet.
type waiting struct {
	pb.UnimplementedClusterServiceServer
	pb.UnimplementedPeerServiceServer
	self    raftfsm.Forming
	version string

	mu        sync.Mutex // guards the rest
	clusterID string
}

func (w *waiting) promised() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clusterID
}

// promise is durable when it returns.
func (w *waiting) promise(clusterID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.self.Promise(clusterID); err != nil {
		return err
	}
	w.clusterID = clusterID
	return nil
}

func (w *waiting) member() *pb.Member {
	return &pb.Member{Id: w.self.NodeID, ServerId: w.self.Self.ServerID, Address: w.self.Self.Address}
}

// GetStatus tells that this server waits.
func (w *waiting) GetStatus(context.Context, *pb.GetStatusRequest) (*pb.GetStatusResponse, error) {
	return &pb.GetStatusResponse{
		ClusterId: w.promised(), NodeId: w.self.NodeID, Role: "forming", Version: w.version, SupportedLevel: w.self.SupportedLevel, Self: w.member(),
	}, nil
}

// FormCluster promises this server to a cluster.
func (w *waiting) FormCluster(_ context.Context, req *pb.FormClusterRequest) (*pb.FormClusterResponse, error) {
	if own := w.promised(); own != "" && own != req.GetClusterId() {
		err := &fault{codes.FailedPrecondition, "promised", fmt.Sprintf("%s belongs to cluster %s, and can't found %s with %s",
			w.self.NodeID, own, req.GetClusterId(), req.GetFounder().GetId())}
		return nil, toStatus(err).Err()
	}
	if err := w.promise(req.GetClusterId()); err != nil {
		return nil, toStatus(err).Err()
	}
	return &pb.FormClusterResponse{Self: w.member()}, nil
}

// answer serves both ports until stop is called.
func (f *Former) answer(w *waiting) (stop func(), err error) {
	api, err := net.Listen("tcp", f.APIAddr)
	if err != nil {
		return nil, fmt.Errorf("api: listen for gRPC: %w", err)
	}
	probes, err := net.Listen("tcp", f.HTTPAddr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("api: listen for HTTP: %w", err), api.Close())
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 10))
	pb.RegisterClusterServiceServer(g, w)
	pb.RegisterPeerServiceServer(g, w)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusServiceUnavailable, "this server waits for its group")
	})
	h := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: errorLog(f.Logger)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.Serve(api) })    // ends by stop
	serving.Go(func() { _ = h.Serve(probes) }) // ends by stop
	return func() {
		within := time.AfterFunc(seekTimeout, g.Stop)
		g.GracefulStop()
		within.Stop()
		_ = h.Close() // its listener is closed, which is all that matters
		serving.Wait()
	}, nil
}

// Announce tells the group, until it knows, that this member is there and at which address: it becomes a standby if it
// isn't a member. It asks the members that the node knows and those at API addresses.
func Announce(ctx context.Context, n Node, join []string, log *slog.Logger) {
	tick := time.NewTicker(formEvery)
	defer tick.Stop()
	p := newPeers(n)
	defer func() { _ = p.close() }()
	word := time.Now()
	for {
		err := announce(ctx, n, p, join)
		if err == nil || ctx.Err() != nil {
			return
		}
		if time.Since(word) > formWord {
			word = time.Now()
			log.Warn("the group doesn't know this member yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func announce(ctx context.Context, n Node, p *peers, join []string) error {
	st := n.Status()
	if n.Serving() { // it is a member, but perhaps at another address than before
		return n.Join(ctx, st.ServerID, st.Address, st.SupportedLevel)
	}
	req := &pb.JoinClusterRequest{
		Member: &pb.Member{Id: st.NodeID, ServerId: st.ServerID, Address: st.Address}, ClusterId: st.ClusterID, FeatureLevel: st.SupportedLevel,
	}
	ask := func(c *grpc.ClientConn) error {
		ctx, cancel := context.WithTimeout(ctx, 2*seekTimeout)
		defer cancel()
		_, err := pb.NewClusterServiceClient(c).JoinCluster(ctx, req)
		return err
	}
	errs := []string{"nobody was asked"}
	try := func(err error) bool {
		if err != nil {
			errs = append(errs[:min(len(errs), 8)], toStatus(err).Message())
		}
		return err == nil
	}
	for _, m := range st.Members {
		if m.ServerID == st.ServerID {
			continue
		}
		c, err := p.conn(m.Address)
		if err == nil {
			err = ask(c)
		}
		if try(err) {
			return nil
		}
	}
	found, _ := seek(ctx, join)
	for _, s := range found {
		if s.status.GetClusterId() != st.ClusterID || s.status.GetSelf().GetServerId() == st.ServerID || !s.status.GetFounded() {
			continue
		}
		if try(callAt(ctx, s.addr, ask)) {
			return nil
		}
	}
	return errors.New(strings.Join(errs[min(1, len(errs)-1):], "; "))
}
