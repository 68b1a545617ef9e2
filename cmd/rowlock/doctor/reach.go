package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"
)

const (
	// dialTime is how long a name or a port may take to answer.
	dialTime = 3 * time.Second
	// slowTrip is a round trip beyond which commits and heartbeats suffer.
	slowTrip = 100 * time.Millisecond
	// expiresSoon is when a certificate's end becomes a warning, and expiresNow when it is bad.
	expiresSoon, expiresNow = 30 * 24 * time.Hour, 3 * 24 * time.Hour
)

// resolve looks a name up. It reports whether it makes sense to go on with it.
func (d *Doctor) resolve(ctx context.Context, addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		d.add(Bad, "dns", addr, "give the address as host:port", "%s", err)
		return false
	}
	if net.ParseIP(host) != nil || d.resolved[host] {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	start := d.Now()
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		d.add(Bad, "dns", host, "check the name, the service and the resolver (/etc/resolv.conf); in Kubernetes the headless service must publish "+
			"addresses that aren't ready, and a network policy must let port 53 through", "the name has no address: %s", lastCause(err))
		return false
	}
	d.resolved[host] = true
	d.good("dns", host, "%s in %s", strings.Join(ips, ", "), span(d.Now().Sub(start)))
	return true
}

// port connects to a port and closes again. It reports whether somebody answers.
func (d *Doctor) port(ctx context.Context, what, addr string) bool {
	if !d.resolve(ctx, addr) {
		return false
	}
	dialer := net.Dialer{Timeout: dialTime}
	start := d.Now()
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		mend := "see that the member runs and listens there, and that the port is open in between: firewall, network policy, service"
		if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			mend = "packets are dropped on the way: look for a firewall or a network policy between here and there"
		}
		d.add(Bad, "port", what+" "+addr, mend, "%s", lastCause(err))
		return false
	}
	trip := d.Now().Sub(start)
	_ = conn.Close() // it was opened to see that it can be
	d.good("port", what+" "+addr, "open, connected in %s", span(trip))
	return true
}

// secure shakes hands, if TLS is in use, and looks at the certificate.
func (d *Doctor) secure(ctx context.Context, addr string) bool {
	if d.TLS == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	config := d.TLS.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	if err != nil {
		d.add(Bad, "tls", addr, "see that the server has a certificate for this name, signed by the authority of --tls-ca, and that the clocks are right",
			"%s", lastCause(err))
		return false
	}
	defer conn.Close()
	if secured, ok := conn.(*tls.Conn); ok {
		state := secured.ConnectionState()
		d.good("tls", addr, "%s, %s", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
		if len(state.PeerCertificates) > 0 {
			d.expiry("certificate", "of "+addr, state.PeerCertificates[0])
		}
	}
	return true
}

// expiry judges how long a certificate is good for.
func (d *Doctor) expiry(check, subject string, cert *x509.Certificate) {
	left := cert.NotAfter.Sub(d.Now())
	grade, mend := Good, ""
	switch {
	case left < expiresNow:
		grade, mend = Bad, "issue a new certificate now, and restart what uses it one after the other"
	case left < expiresSoon:
		grade, mend = Warning, "issue a new certificate before that"
	}
	when := cert.NotAfter.UTC().Format(time.RFC3339)
	if left < 0 {
		d.add(grade, check, subject, mend, "has expired on %s", when)
		return
	}
	d.add(grade, check, subject, mend, "good until %s, for %s", when, span(left))
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// lastCause is what the system said, without what surrounds it.
func lastCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
