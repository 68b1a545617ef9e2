package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) backupKeygenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make keys to encrypt and sign backups with",
		Long: `Make keys to encrypt and sign backups with: files that only their owner may read, beside which nothing is overwritten.
A run that was killed is ended by the next one, with the same keys.

  backup.agepub    who saves encrypts with it: --recipients-file
  backup.agekey    decrypts: --identity. Without it an encrypted backup is lost: keep it apart from cluster and backups, twice
  backup-sign.key  who saves signs with it: --sign-key
  backup-sign.pub  refuses what isn't signed by it: --verify-key

They are an age identity and an Ed25519 key in PEM, which age and openssl can read.`,
		Example: "  rowlock backup keygen --dir /etc/rowlock/keys",
		Args:    args(0, 0),
	}
	dir := cmd.Flags().String("dir", ".", "directory for the files, which is made if there is none")
	out := p.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		files, err := newKeys(p.now())
		if err != nil {
			return err
		}
		view := keysView{}
		if err := os.MkdirAll(*dir, 0o700); err != nil {
			return fmt.Errorf("--dir: %w", err)
		}
		resumed, err := placeKeys(*dir, files)
		if err != nil {
			return err
		}
		for _, f := range files {
			view.Files = append(view.Files, filepath.Join(*dir, f.name))
		}
		recipient, err := os.ReadFile(view.Files[0])
		if err != nil {
			return err
		}
		view.Recipient = strings.TrimSpace(string(recipient))
		if resumed {
			fmt.Fprintln(p.stderr, "These are the keys of an earlier run, which was killed before it had put all of them there.")
		}
		return out.print(view, func(t *render.Table) {
			t.Pair("recipient", view.Recipient)
			for _, path := range view.Files {
				t.Pair("written", path)
			}
		})
	}
	return cmd
}

type keysView struct {
	Recipient string   `json:"recipient"`
	Files     []string `json:"files"`
}

type keyFile struct{ name, text string }

func newKeys(now time.Time) ([]keyFile, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	recipient := identity.Recipient().String()
	return []keyFile{
		{"backup.agepub", recipient + "\n"},
		{"backup.agekey", fmt.Sprintf("# created: %s\n# public key: %s\n%s\n", now.UTC().Format(time.RFC3339), recipient, identity)},
		{"backup-sign.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))},
		{"backup-sign.pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))},
	}, nil
}

// writeNew writes a file that mustn't be there yet, for its owner only, durably.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &exitError{code: exitRefused, text: path + " is there already"}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
