package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/store/archive"
)

// archiveKeyFlags say how archives are read.
type archiveKeyFlags struct{ identity, verify string }

func (f *archiveKeyFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.identity, "identity-file", "", "file with the age identities that decrypt archives (age-keygen makes one)")
	flags.StringVar(&f.verify, "verify-key", "", "public key by which archives must be signed: 64 hex digits, base64, or a file with either")
	settings(flags, "identity-file", "verify-key")
}

func (f *archiveKeyFlags) keys() (k archive.Keys, err error) {
	if f.identity != "" {
		file, err := os.Open(f.identity)
		if err != nil {
			return k, usagef("--identity-file: %s", err)
		}
		defer file.Close()
		if k.Identities, err = age.ParseIdentities(file); err != nil {
			return k, usagef("--identity-file %s: %s", f.identity, err)
		}
	}
	if f.verify != "" {
		k.Verify, err = publicKey(f.verify)
	}
	return k, err
}

// publicKey reads an ed25519 key, or the file that has it.
func publicKey(text string) (ed25519.PublicKey, error) {
	given := text
	if content, err := os.ReadFile(text); err == nil {
		text = strings.TrimSpace(string(content))
	}
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
		if b, err := decode(text); err == nil && len(b) == ed25519.PublicKeySize {
			return b, nil
		}
	}
	return nil, usagef("--verify-key %q: want an ed25519 public key in hex or base64, or a file with one", given)
}
