package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/store/archive"
)

// sealFlags say how archives are encrypted and signed.
type sealFlags struct {
	prefix         string // of the flags' names
	recipients     []string
	recipientsFile string
	signKey        string
}

func (s *sealFlags) add(flags *pflag.FlagSet, prefix string) {
	s.prefix = prefix
	flags.StringSliceVar(&s.recipients, prefix+"recipient", nil, "encrypt for this age public key, age1…; may be given again")
	flags.StringVar(&s.recipientsFile, prefix+"recipients-file", "", "encrypt for the age public keys in this file, one a line")
	flags.StringVar(&s.signKey, prefix+"sign-key", "", "sign with the Ed25519 private key in this PEM file (see 'rowlock backup keygen')")
	settings(flags, prefix+"recipient", prefix+"recipients-file", prefix+"sign-key")
}

// options reads the keys.
func (s *sealFlags) options() (archive.Options, error) {
	var o archive.Options
	for _, r := range s.recipients {
		recipient, err := age.ParseX25519Recipient(r)
		if err != nil {
			return o, usagef("--%srecipient %q: want an age public key such as age1…: %s", s.prefix, r, err)
		}
		o.Recipients = append(o.Recipients, recipient)
	}
	if s.recipientsFile != "" {
		text, err := os.ReadFile(s.recipientsFile)
		if err != nil {
			return o, usagef("--%srecipients-file: %s", s.prefix, cause(err))
		}
		list, err := age.ParseRecipients(bytes.NewReader(text))
		if err != nil {
			return o, usagef("--%srecipients-file %s: want age public keys, one a line: %s", s.prefix, s.recipientsFile, err)
		}
		o.Recipients = append(o.Recipients, list...)
	}
	if s.signKey != "" {
		key, err := readPEM(s.signKey, "PRIVATE KEY", x509.ParsePKCS8PrivateKey)
		if err != nil {
			return o, usagef("--%ssign-key %s: %s", s.prefix, s.signKey, err)
		}
		var ok bool
		if o.Signer, ok = key.(ed25519.PrivateKey); !ok {
			return o, usagef("--%ssign-key %s: the key isn't an Ed25519 key", s.prefix, s.signKey)
		}
	}
	return o, nil
}

// readFlags say how archives are decrypted, and by whom they must be signed.
type readFlags struct {
	prefix     string
	identities []string
	verifyKey  string
}

func (r *readFlags) add(flags *pflag.FlagSet, prefix string) {
	r.prefix = prefix
	flags.StringSliceVar(&r.identities, prefix+"identity", nil, "decrypt with the age identities in this file; may be given again")
	flags.StringVar(&r.verifyKey, prefix+"verify-key", "", "refuse what isn't signed by the Ed25519 public key in this PEM file")
	settings(flags, prefix+"identity", prefix+"verify-key")
}

// keys reads the keys.
func (r *readFlags) keys() (archive.Keys, error) {
	var k archive.Keys
	for _, path := range r.identities {
		text, err := os.ReadFile(path)
		if err != nil {
			return k, usagef("--%sidentity %s: %s", r.prefix, path, cause(err))
		}
		list, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil {
			return k, usagef("--%sidentity %s: want age identities, AGE-SECRET-KEY-1…, one a line", r.prefix, path)
		}
		k.Identities = append(k.Identities, list...)
	}
	if r.verifyKey == "" {
		return k, nil
	}
	key, err := readPEM(r.verifyKey, "PUBLIC KEY", x509.ParsePKIXPublicKey)
	if err != nil {
		return k, usagef("--%sverify-key %s: %s", r.prefix, r.verifyKey, err)
	}
	var ok bool
	if k.Verify, ok = key.(ed25519.PublicKey); !ok {
		return k, usagef("--%sverify-key %s: the key isn't an Ed25519 key", r.prefix, r.verifyKey)
	}
	return k, nil
}

// readPEM reads the one key in a PEM file.
func readPEM(path, kind string, parse func([]byte) (any, error)) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New(cause(err))
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("want a PEM file with a %s", kind)
	}
	key, err := parse(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the %s can't be read: %w", kind, err)
	}
	return key, nil
}
