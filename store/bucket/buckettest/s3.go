// Package buckettest serves S3 in memory, over HTTP, for tests.
package buckettest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// The credentials that tests use; the server takes any.
const (
	AccessKey = "test"
	SecretKey = "secret-of-the-test"
)

// Serve runs a server with an empty bucket "backups" until the test ends, sets the credentials in the environment, and
// returns the bucket's address, with prefix behind it. wrap may put something in between; nil: nothing.
func Serve(t *testing.T, prefix string, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("backups"); err != nil {
		t.Fatal(err)
	}
	handler := unchunk(gofakes3.New(backend).Server())
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
	return fmt.Sprintf("s3://backups/%s?region=us-east-1&insecure=true&endpoint=%s", prefix, strings.TrimPrefix(server.URL, "http://"))
}

// unchunk takes the signed chunks apart in which a body comes without TLS: gofakes3 knows them only of whole objects.
func unchunk(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			body, err := readChunks(bufio.NewReader(r.Body))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			r.Header.Del("X-Amz-Content-Sha256")
		}
		next.ServeHTTP(w, r)
	})
}

// readChunks reads lines "size;chunk-signature=…", each with so many bytes behind it; a size of 0 ends them.
func readChunks(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		text, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseInt(text, 16, 32)
		if err != nil {
			return nil, err
		}
		chunk := make([]byte, size+2) // and the end of the line
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, err
		}
		if size == 0 {
			return out, nil
		}
		out = append(out, chunk[:size]...)
	}
}
