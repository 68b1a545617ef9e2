package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/rowlock/rowlock/worker"
)

const (
	defaultTimeout = 5 * time.Minute
	defaultSnooze  = 30 * time.Second
	maxSnooze      = 24 * time.Hour
	// errorBody is how much of an answer is kept as the error.
	errorBody = 2 << 10
	// drainBytes is how much of an answer is read and dropped so that its connection can be used again.
	drainBytes = 256 << 10
)

// Config says what to call.
type Config struct {
	// URL gets a POST for each attempt.
	URL string
	// Header is added to each request.
	Header http.Header
	// Timeout bounds a call; 5 min where zero. The task's own timeout bounds it too.
	Timeout time.Duration
	// Snooze is for how long 429 and 503 put a task back that come without Retry-After; 30 s where zero.
	Snooze time.Duration
	// Client makes the calls; one with a connection for each handler where nil. Redirects are only followed if
	// it has a CheckRedirect: most change a POST into a GET without a body.
	Client *http.Client
	// Now is the clock for a Retry-After with a date; time.Now where nil.
	Now func() time.Time
}

// Handler returns a handler that calls the URL once for each attempt.
func Handler(config Config) (worker.HandlerFunc, error) {
	u, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("webhook: %q is not an http or https URL", config.URL)
	}
	if config.Timeout < 0 || config.Snooze < 0 {
		return nil, errors.New("webhook: a duration is negative")
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	if config.Snooze == 0 {
		config.Snooze = defaultSnooze
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = transport.MaxIdleConns
		config.Client = &http.Client{Transport: transport}
	}
	if config.Client.CheckRedirect == nil {
		caller := *config.Client
		caller.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		config.Client = &caller
	}
	return config.call, nil
}

// call is one attempt.
func (c Config) call(ctx context.Context, t *worker.RawTask) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(t.Payload))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	c.setHeader(req.Header, t)
	resp, err := c.Client.Do(req)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, drainBytes) // only to use the connection again
		_ = resp.Body.Close()
	}()
	body, err := io.ReadAll(io.LimitReader(resp.Body, worker.MaxResultBytes))
	if err != nil {
		return fmt.Errorf("webhook: reading the answer: %w", err)
	}
	return c.outcome(t, resp, body)
}

func (c Config) setHeader(h http.Header, t *worker.RawTask) {
	contentType := "application/octet-stream"
	if json.Valid(t.Payload) {
		contentType = "application/json"
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Rowlock-Task-Id", t.ID)
	h.Set("X-Rowlock-Queue", t.Queue)
	h.Set("X-Rowlock-Kind", t.Kind)
	h.Set("X-Rowlock-Attempt", strconv.Itoa(t.Attempt))
	h.Set("X-Rowlock-Token", strconv.FormatUint(t.Fence(), 10))
	setRelated(h, &t.Related)
	if t.TraceContext != "" {
		h.Set("Traceparent", t.TraceContext)
	}
	for name, values := range c.Header {
		h[name] = values
	}
}

// outcome is what the answer means.
func (c Config) outcome(t *worker.RawTask, resp *http.Response, body []byte) error {
	code := resp.StatusCode
	switch {
	case code >= 200 && code < 300:
		return t.SetResult(body)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return worker.Snooze(c.retryAfter(resp.Header.Get("Retry-After")))
	}
	err := fmt.Errorf("webhook: %s", resp.Status)
	if to := resp.Header.Get("Location"); code >= 300 && code < 400 && to != "" {
		err = fmt.Errorf("%w: the redirect to %q is not followed", err, to)
	}
	if text := bytes.TrimSpace(body[:min(len(body), errorBody)]); len(text) > 0 {
		err = fmt.Errorf("%w: %s", err, text)
	}
	if code >= 400 && code < 500 && code != http.StatusRequestTimeout {
		return worker.Permanent(err)
	}
	return err
}

// retryAfter reads the header: seconds or a date (RFC 9110, 10.2.3).
func (c Config) retryAfter(value string) time.Duration {
	d := c.Snooze
	if s, err := strconv.ParseInt(value, 10, 32); err == nil {
		d = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(c.Now())
	}
	return min(max(d, 0), maxSnooze)
}

// setRelated names the schedule that made the task, and the batch that it is in, or that called it back.
func setRelated(h http.Header, r *worker.Related) {
	if r.Schedule != "" {
		h.Set("X-Rowlock-Schedule", r.Schedule)
		h.Set("X-Rowlock-Nominal-Time", r.NominalAt.UTC().Format(time.RFC3339))
	}
	if id := cmp.Or(r.CallbackOf, r.BatchID); id != "" {
		h.Set("X-Rowlock-Batch-Id", id)
	}
	if r.Callback != "" {
		h.Set("X-Rowlock-Batch-Callback", r.Callback)
	}
}
