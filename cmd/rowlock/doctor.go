package main

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/doctor"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the servers from here, and say how to mend what is wrong",
		Long: `Examine the servers from here, and say how to mend what is wrong.

It looks names up, connects to every member's ports, shakes hands if TLS is in use, asks for health and versions, compares
clocks, and reads from the members' metrics how full their disks are, how long fsync takes, and how old the last backup is.
With --data-dir it also looks at that directory on this machine: room, permissions, and fsync, for which it writes a file of
a few KiB and removes it. Nothing else is written, and nothing is changed.

From a worker's or producer's pod give --client-only: it then leaves out what only the members' own network reaches.

Exit code 1 if anything is bad; warnings alone are 0.`,
		Example: "  rowlock doctor --addr rowlock-0.rowlock:7300\n  rowlock doctor --client-only\n  rowlock doctor --data-dir /var/lib/rowlock -o json",
		GroupID: groupOperate,
		Args:    args(0, 0),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	dir := cmd.Flags().String("data-dir", "", "also examine this data directory on this machine")
	clientOnly := cmd.Flags().Bool("client-only", false, "only what a client needs: names, API ports, TLS, health, version and clock")
	settings(cmd.Flags(), "data-dir")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d, err := connect.doctor()
		if err != nil {
			return err
		}
		d.DataDir, d.ClientOnly = *dir, *clientOnly
		d.Examine(cmd.Context())
		return p.printFindings(out, d)
	}
	return cmd
}

// doctor makes one for these flags.
func (f *clientFlags) doctor() (*doctor.Doctor, error) {
	var config client.Config
	if err := checkAPIAddrs(f.addrs); err != nil {
		return nil, err
	}
	if err := f.credentials(&config); err != nil {
		return nil, err
	}
	secure, err := f.tls.config()
	if err != nil {
		return nil, err
	}
	d := &doctor.Doctor{TLS: secure, Credentials: config.CallCredentials, Own: version().Version, Now: f.p.now}
	for _, addr := range f.addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			addr = net.JoinHostPort(addr, defaultAPIPort)
		}
		d.Addrs = append(d.Addrs, addr)
	}
	for _, secret := range []string{f.tokenFile, f.tls.key} {
		if secret != "" {
			d.Files = append(d.Files, secret)
		}
	}
	for _, cert := range []string{f.tls.ca, f.tls.cert} {
		if cert != "" {
			d.Certificates = append(d.Certificates, cert)
		}
	}
	return d, nil
}

// printFindings prints all, and for people the mends behind them. It fails if anything is bad.
func (p *program) printFindings(out *output, d *doctor.Doctor) error {
	if err := out.print(d.Findings, func(t *render.Table) {
		t.Head("grade", "check", "subject", "found")
		for _, f := range d.Findings {
			t.Row(string(f.Grade), f.Check, f.Subject, f.Found)
		}
	}); err != nil {
		return err
	}
	bad, warnings := d.Count(doctor.Bad), d.Count(doctor.Warning)
	if out.people() {
		for _, f := range d.Findings {
			if f.Mend != "" {
				fmt.Fprintf(p.stdout, "\n%s: %s of %s: %s\n  mend: %s\n", f.Grade, f.Check, f.Subject, f.Found, f.Mend)
			}
		}
		fmt.Fprintf(p.stdout, "\n%s, %s, %s\n", render.Count(len(d.Findings), "finding"), render.Count(warnings, "warning"), fmt.Sprintf("%d bad", bad))
	}
	if bad > 0 {
		return &exitError{code: exitFailed, text: fmt.Sprintf("%d of %d findings are bad", bad, len(d.Findings))}
	}
	return nil
}
