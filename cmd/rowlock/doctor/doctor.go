package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Doctor examines. Set the fields, then call Examine once.
type Doctor struct {
	Report
	// Addrs are API addresses of some or all members, host:port.
	Addrs []string
	// TLS is how to speak to the API; nil: plain.
	TLS *tls.Config
	// Credentials go with each call; nil: none.
	Credentials credentials.PerRPCCredentials
	// Own is the version of this program.
	Own string
	// DataDir is a data directory on this machine; empty: none.
	DataDir string
	// Files are those that only their owner may read, such as keys and tokens.
	Files []string
	// Certificates are PEM files to see the end of.
	Certificates []string
	// ClientOnly leaves out what only the members' own network reaches: the ports of Raft and HTTP.
	ClientOnly bool
	Now        func() time.Time

	resolved map[string]bool // names that were looked up
	asked    map[string]bool // members, by API address
	members  []*member       // that answered
	listing  []*rowlockv1.MemberState
}

// Examine makes all findings.
func (d *Doctor) Examine(ctx context.Context) {
	d.resolved, d.asked = map[string]bool{}, map[string]bool{}
	for _, addr := range d.Addrs {
		d.ask(ctx, addr)
	}
	d.findMembers(ctx)
	d.compare()
	if !d.ClientOnly {
		for _, m := range d.members {
			d.observe(ctx, m)
		}
		d.backups()
	}
	d.files()
	if d.DataDir != "" {
		d.dataDir()
	}
}

// dial makes a connection for a few calls.
func (d *Doctor) dial(addr string) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if d.TLS != nil {
		transport = credentials.NewTLS(d.TLS)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if d.Credentials != nil {
		options = append(options, grpc.WithPerRPCCredentials(d.Credentials))
	}
	return grpc.NewClient("passthrough:///"+addr, options...)
}

// httpClient is for the members' metrics.
var httpClient = &http.Client{Timeout: dialTime}

func span(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return render.Span(d)
}

// withPort is an address with a host that others can reach: one that a member gives of itself may be that of any interface,
// and then its host is where it was reached.
func withPort(addr, reached string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		if h, _, err := net.SplitHostPort(reached); err == nil {
			host = h
		}
	}
	return net.JoinHostPort(host, port)
}
