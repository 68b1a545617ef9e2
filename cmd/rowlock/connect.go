package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// clientFlags say how to reach the servers.
type clientFlags struct {
	p           *program
	addrs       []string
	tokenFile   string
	tls         tlsFlags
	callTimeout time.Duration
}

// clientFlags gives a command the flags of a client.
func (p *program) clientFlags(flags *pflag.FlagSet) *clientFlags {
	f := &clientFlags{p: p}
	flags.StringSliceVar(&f.addrs, "addr", []string{client.DefaultAddr}, "API addresses of some or all members, host[:port],…")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the API token; or the token itself in ROWLOCK_TOKEN")
	flags.DurationVar(&f.callTimeout, "call-timeout", 15*time.Second, "give a call up after this long")
	f.tls.add(flags)
	settings(flags, "addr", "token-file", "call-timeout")
	return f
}

// connection is a client with the stubs of all services.
type connection struct {
	*client.Client
	tasks   rowlockv1.TaskServiceClient
	workers rowlockv1.WorkerServiceClient
	queues  rowlockv1.QueueServiceClient
	batches rowlockv1.BatchServiceClient
	cluster rowlockv1.ClusterServiceClient

	schedules rowlockv1.ScheduleServiceClient
	archives  rowlockv1.ArchiveServiceClient
}

// run runs the body of a command that talks to a server.
func (f *clientFlags) run(cmd *cobra.Command, body func(ctx context.Context, c *connection) error) (err error) {
	ctx := cmd.Context()
	config, err := f.config()
	if err != nil {
		return err
	}
	if err := f.knock(ctx); err != nil {
		return err
	}
	c, err := client.New(config)
	if err != nil {
		return usagef("%s", strings.TrimPrefix(err.Error(), "client: "))
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	conn := c.Conn()
	return body(ctx, &connection{
		Client: c, tasks: rowlockv1.NewTaskServiceClient(conn), workers: rowlockv1.NewWorkerServiceClient(conn),
		queues: rowlockv1.NewQueueServiceClient(conn), cluster: rowlockv1.NewClusterServiceClient(conn),
		schedules: rowlockv1.NewScheduleServiceClient(conn),
		batches:   rowlockv1.NewBatchServiceClient(conn),
		archives:  rowlockv1.NewArchiveServiceClient(conn),
	})
}

// config is the SDK's configuration for these flags.
func (f *clientFlags) config() (client.Config, error) {
	config := client.Config{Addrs: f.addrs, OneShot: true, RetryFor: f.callTimeout}
	if f.callTimeout <= 0 {
		return config, usagef("--call-timeout %s: want more than 0", f.callTimeout)
	}
	if err := checkAPIAddrs(f.addrs); err != nil {
		return config, err
	}
	config.DialOptions = append(config.DialOptions, grpc.WithUnaryInterceptor(f.invoke))
	if err := f.credentials(&config); err != nil {
		return config, err
	}
	return config, nil
}

// prefaceError is in what gRPC says of a peer that doesn't speak HTTP/2.
const prefaceError = "error reading server preface"

// silent reports whether a peer said nothing at all, where others say what isn't HTTP/2.
func silent(message string) bool {
	return strings.Contains(message, "i/o timeout") || strings.Contains(message, "deadline exceeded") ||
		strings.Contains(message, "use of closed network connection")
}

// longestWait is how long the API keeps a call of WaitTask waiting.
const longestWait = time.Minute

// invoke bounds a call, and says in words of the command line why it got no answer.
func (f *clientFlags) invoke(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	patience := f.callTimeout
	if method == rowlockv1.WatchService_WaitTask_FullMethodName { // its answer may take so much longer
		patience += longestWait
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := invoke(bounded, method, request, reply, cc, opts...)
	switch s := status.Convert(err); {
	case s.Code() == codes.DeadlineExceeded && ctx.Err() == nil && bounded.Err() != nil:
		return status.Errorf(codes.DeadlineExceeded, "no answer within %s (--call-timeout)", f.callTimeout)
	case s.Code() == codes.Unavailable && strings.Contains(s.Message(), prefaceError):
		addr := strings.TrimPrefix(cc.Target(), "passthrough:///")
		if silent(s.Message()) {
			return status.Errorf(codes.Unavailable, "what listens at %s takes connections and says nothing: if it is a server, it hangs or is overloaded; ask another with --addr", addr)
		}
		return status.Errorf(codes.Unavailable, "what listens at %s doesn't speak the API: is that the API port? It's %s by default", addr, defaultAPIPort)
	}
	return err
}

// knockTimeout is how long an address may take to answer a knock.
const knockTimeout = 3 * time.Second

// knock finds out at once that nobody is at home at any address: a client would go on trying, as a program should and a
// person doesn't want.
func (f *clientFlags) knock(ctx context.Context) error {
	dialer := net.Dialer{Timeout: knockTimeout}
	var problem error
	for _, addr := range f.addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			addr = net.JoinHostPort(addr, defaultAPIPort)
		}
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		problem = err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &exitError{code: exitUnavailable, text: fmt.Sprintf(
		"no server at %s (%s): start one with 'rowlock dev', or name another with --addr or ROWLOCK_ADDR", strings.Join(f.addrs, ", "), cause(problem))}
}

// cause is the end of a chain of network errors: what the system said.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	if err == nil {
		return "no address"
	}
	return err.Error()
}
