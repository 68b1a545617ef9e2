package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	awsEndpoint = "s3.amazonaws.com"
	// partSize is what is in memory of an object that is being sent, in bytes. An object has at most 10,000 parts, so it
	// bounds archives at 312 GiB.
	partSize = 32 << 20
	// maxRetries of one request, with growing pauses between: about half a minute.
	maxRetries = 6
)

// s3 keeps objects in a bucket, under a prefix.
type s3 struct {
	client *minio.Client
	bucket string
	prefix string // empty, or ends in a slash
	text   string
}

func newS3(u *url.URL) (*s3, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w %s: %s", ErrAddress, u.Redacted(), fmt.Sprintf(format, args...))
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, bad("%v", err)
	}
	for key := range q {
		if !slices.Contains([]string{"endpoint", "region", "insecure"}, key) {
			return nil, bad("%q is none of endpoint, region, insecure", key)
		}
	}
	if u.User != nil {
		return nil, bad("credentials don't belong in the address: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	insecure := q.Get("insecure")
	if !slices.Contains([]string{"", "true", "false"}, insecure) {
		return nil, bad("insecure=%s is neither true nor false", insecure)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if err := checkName(prefix); err != nil {
			return nil, bad("%q is no prefix", prefix)
		}
		prefix += "/"
	}
	endpoint := q.Get("endpoint")
	if endpoint == "" {
		endpoint = awsEndpoint
	}
	client, err := minio.New(endpoint, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
		Secure: insecure != "true", Region: q.Get("region"), MaxRetries: maxRetries,
	})
	if err != nil {
		return nil, bad("%v", err)
	}
	client.SetAppInfo("rowlock", "1")
	if u.Host == "" {
		return nil, bad("the bucket is missing: s3://bucket/prefix")
	}
	return &s3{client: client, bucket: u.Host, prefix: prefix, text: "s3://" + path.Join(u.Host, prefix)}, nil
}

func (s *s3) String() string { return s.text }

// Put sends the object in parts; the store makes it visible with the last call, which names all parts. When it fails the
// parts are dropped; those of a process that was killed are unseen, and the store's own rule for unfinished uploads ends them.
func (s *s3) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	info, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, &patient{ctx: ctx, from: r}, -1, minio.PutObjectOptions{
		ContentType: "application/octet-stream", PartSize: partSize, SendContentMd5: true,
	})
	if err != nil {
		return 0, s.explain("write", name, err)
	}
	return info.Size, nil
}

// Open asks for the object's size and version.
func (s *s3) Open(ctx context.Context, name string) (Object, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return nil, s.explain("open", name, err)
	}
	return &s3Object{ctx: ctx, bucket: s, name: name, size: info.Size, etag: info.ETag}, nil
}

// List asks for all names under the prefix.
func (s *s3) List(ctx context.Context, prefix string) ([]Info, error) {
	var out []Info
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, s.explain("list", prefix, o.Err)
		}
		if strings.HasSuffix(o.Key, "/") { // some stores show folders
			continue
		}
		out = append(out, Info{Name: strings.TrimPrefix(o.Key, s.prefix), Size: o.Size, Modified: o.LastModified})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Remove removes the object.
func (s *s3) Remove(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{})
	if err == nil || minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return nil
	}
	return s.explain("remove", name, err)
}

// explain says what an error of the store means.
func (s *s3) explain(action, name string, err error) error {
	what := fmt.Errorf("%s %s/%s: %w", action, s.text, name, err)
	r := minio.ToErrorResponse(err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return what
	case r.Code == minio.NoSuchKey:
		return fmt.Errorf("%w: %s/%s", ErrNotFound, s.text, name)
	case r.Code == minio.NoSuchBucket:
		return fmt.Errorf("%w %s: there is no bucket %s: make it first", ErrMissing, s.text, s.bucket)
	case r.StatusCode == http.StatusInsufficientStorage, r.Code == "XMinioStorageFull", r.Code == "QuotaExceeded":
		return fmt.Errorf("%w: %w", ErrNoSpace, what)
	case r.StatusCode == http.StatusForbidden, r.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: %w: check the credentials and what they may do", ErrRefused, what)
	}
	return what
}
