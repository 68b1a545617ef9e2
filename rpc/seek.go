package rpc

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// defaultAPIPort is that of an address without one.
	defaultAPIPort = "7300"
	// seekTimeout bounds what one server may take to answer.
	seekTimeout = 2 * time.Second
	// maxSought is how many addresses are asked at most.
	maxSought = 64
)

// sighted is a server that answered, at an address.
type sighted struct {
	addr   string
	status *pb.GetStatusResponse
}

// seek asks the servers at API addresses, host[:port], how they are. A name stands for all addresses that it has now.
func seek(ctx context.Context, addrs []string) (found []sighted, problems []string) {
	ctx, cancel := context.WithTimeout(ctx, seekTimeout)
	defer cancel()
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	targets, problems := resolve(ctx, addrs)
	for _, addr := range targets {
		wg.Go(func() {
			var st *pb.GetStatusResponse
			err := callAt(ctx, addr, func(c *grpc.ClientConn) (err error) {
				st, err = pb.NewClusterServiceClient(c).GetStatus(ctx, &pb.GetStatusRequest{})
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, fmt.Sprintf("%s: %s", addr, toStatus(err).Message()))
				return
			}
			found = append(found, sighted{addr, st})
		})
	}
	wg.Wait()
	slices.SortFunc(found, func(a, b sighted) int { return strings.Compare(a.addr, b.addr) })
	slices.Sort(problems)
	return found, problems
}

// resolve returns host:port with an IP address for each that the names have.
func resolve(ctx context.Context, addrs []string) (targets, problems []string) {
	for _, addr := range addrs {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			host, port = strings.Trim(addr, "[]"), defaultAPIPort
		}
		ips, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		for _, ip := range ips {
			if t := net.JoinHostPort(ip, port); !slices.Contains(targets, t) && len(targets) < maxSought {
				targets = append(targets, t)
			}
		}
	}
	return targets, problems
}

// callAt makes calls on a connection of their own.
func callAt(ctx context.Context, addr string, fn func(*grpc.ClientConn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableServiceConfig())
	if err != nil {
		return err
	}
	defer c.Close()
	return fn(c)
}
