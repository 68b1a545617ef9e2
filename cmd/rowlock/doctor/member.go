package doctor

import (
	"context"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// clockWarning and clockBad are how far a member's clock may be from this machine's, or from another member's.
const clockWarning, clockBad = 500 * time.Millisecond, 5 * time.Second

// trips is of how many calls the shortest is taken as the round trip.
const trips = 3

// member is one that answered.
type member struct {
	addr    string // where it was asked
	status  *rowlockv1.GetStatusResponse
	offset  time.Duration // of its clock, as seen from here
	clocked bool
	values  metrics // nil: not known
}

// ask examines the API of one member.
func (d *Doctor) ask(ctx context.Context, addr string) {
	if d.asked[addr] {
		return
	}
	d.asked[addr] = true
	if !d.port(ctx, "API", addr) || !d.secure(ctx, addr) {
		return
	}
	conn, err := d.dial(addr)
	if err != nil {
		d.add(Bad, "api", addr, "", "%s", err)
		return
	}
	defer conn.Close()
	if !d.health(ctx, conn, addr) {
		return
	}
	m := &member{addr: addr}
	trip := d.measure(ctx, conn, m)
	if m.status == nil {
		return
	}
	id := m.status.GetNodeId()
	for _, other := range d.members {
		if other.status.GetNodeId() == id && other.status.GetClusterId() == m.status.GetClusterId() {
			return // by another name
		}
	}
	d.members = append(d.members, m)
	grade, mend := Good, ""
	if trip > slowTrip {
		grade, mend = Warning, "calls are slow from here: put workers and producers nearer to the servers, and members near to each other"
	}
	d.add(grade, "round trip", addr, mend, "%s to %s", span(trip), id)
	d.version(m)
	d.clock(m)
	if reason := m.status.GetDegraded(); reason != "" {
		d.add(Bad, "degraded", id, "give the member room on its disk", "%s", reason)
	}
}

// health asks what a load balancer or Kubernetes would.
func (d *Doctor) health(ctx context.Context, conn *grpc.ClientConn, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	switch {
	case err != nil:
		d.add(Bad, "health", addr, "is that the API port? It is 7300 by default; with TLS name the authority with --tls-ca", "no answer over gRPC: %s", status.Convert(err).Message())
		return false
	case answer.GetStatus() != healthpb.HealthCheckResponse_SERVING:
		d.add(Bad, "health", addr, "see 'rowlock cluster status' and its log: it may be starting, or there is no leader", "%s", answer.GetStatus())
	default:
		d.good("health", addr, "serving")
	}
	return true
}

// measure asks for the member's status a few times, and keeps that of the shortest trip: its clock is known best.
func (d *Doctor) measure(ctx context.Context, conn *grpc.ClientConn, m *member) (best time.Duration) {
	client := rowlockv1.NewClusterServiceClient(conn)
	for range trips {
		bounded, cancel := context.WithTimeout(ctx, dialTime)
		sent := d.Now()
		answer, err := client.GetStatus(bounded, &rowlockv1.GetStatusRequest{})
		trip := d.Now().Sub(sent)
		cancel()
		if err != nil {
			if m.status == nil {
				d.add(Bad, "api", m.addr, "if a token is needed, give it with --token-file", "%s", status.Convert(err).Message())
			}
			return best
		}
		if m.status != nil && trip >= best {
			continue
		}
		best, m.status = trip, answer
		if answer.GetWallTime() != nil {
			m.offset, m.clocked = answer.GetWallTime().AsTime().Sub(sent.Add(trip/2)), true
		}
	}
	return best
}

func (d *Doctor) version(m *member) {
	id, v := m.status.GetNodeId(), m.status.GetVersion()
	if v != d.Own {
		d.add(Warning, "version", id, "use the same version here as there", "%s, while this program is %s", v, d.Own)
		return
	}
	d.good("version", id, "%s, feature level %d of %d", v, m.status.GetFeatureLevel(), m.status.GetSupportedLevel())
}

func (d *Doctor) clock(m *member) {
	id := m.status.GetNodeId()
	if !m.clocked {
		d.add(Unknown, "clock", id, "", "the member doesn't tell its time: it is of an older version")
		return
	}
	grade, mend := judgeClock(m.offset)
	d.add(grade, "clock", id, mend, "%s%s from this machine's", sign(m.offset), span(m.offset.Abs()))
}

func judgeClock(offset time.Duration) (Grade, string) {
	const mend = "synchronise the clocks by NTP or chrony: scheduled tasks start by the leader's clock"
	switch offset = offset.Abs(); {
	case offset > clockBad:
		return Bad, mend
	case offset > clockWarning:
		return Warning, mend
	}
	return Good, ""
}

func sign(d time.Duration) string {
	if d < 0 {
		return "-"
	}
	return "+"
}
