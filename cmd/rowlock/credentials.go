package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"google.golang.org/grpc/credentials"

	"github.com/rowlock/rowlock/client"
)

// tlsFlags are the TLS files of a client. Any of them turns TLS on.
type tlsFlags struct {
	ca, cert, key string
}

func (f *tlsFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.ca, "tls-ca", "", "PEM file of the authority that signed the servers' certificates")
	flags.StringVar(&f.cert, "tls-cert", "", "PEM file of the certificate to show")
	flags.StringVar(&f.key, "tls-key", "", "PEM file of its key")
	settings(flags, "tls-ca", "tls-cert", "tls-key")
}

func (f *tlsFlags) config() (*tls.Config, error) {
	if f.ca == "" && f.cert == "" && f.key == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, usagef("--tls-ca: %s", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usagef("--tls-ca %s: no PEM certificate in it", f.ca)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return nil, usagef("--tls-cert and --tls-key go together")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, usagef("--tls-cert and --tls-key: %s", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// credentials adds TLS and the token to a client's configuration.
func (f *clientFlags) credentials(config *client.Config) error {
	tlsConfig, err := f.tls.config()
	if err != nil {
		return err
	}
	if tlsConfig != nil {
		config.TransportCredentials = credentials.NewTLS(tlsConfig)
	}
	token := f.token()
	if token == nil {
		return nil
	}
	if _, err := token(); err != nil {
		return usagef("--token-file: %s", err)
	}
	plaintext := tlsConfig == nil
	if plaintext && !allLoopback(f.addrs) {
		return usagef("a token may not travel unencrypted: name the servers' authority with --tls-ca")
	}
	config.CallCredentials = client.Token(token, plaintext)
	return nil
}

// token reads the token anew at each call, so that one that was rotated is used at once; nil: there is none.
func (f *clientFlags) token() func() (string, error) {
	if f.tokenFile != "" {
		return func() (string, error) {
			text, err := os.ReadFile(f.tokenFile)
			if err != nil {
				return "", fmt.Errorf("reading the token: %w", err)
			}
			return strings.TrimSpace(string(text)), nil
		}
	}
	// A program that a worker runs finds its lease's fencing token under the same name.
	if token := f.p.getenv("ROWLOCK_TOKEN"); token != "" && f.p.getenv("ROWLOCK_TASK_ID") == "" {
		return func() (string, error) { return token, nil }
	}
	return nil
}

func allLoopback(addrs []string) bool {
	for _, addr := range addrs {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = addr
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
