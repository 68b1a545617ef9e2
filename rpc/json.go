package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// jsonError is the body of every answer that isn't 2xx.
type jsonError struct {
	Code    int               `json:"code"`   // of gRPC
	Status  string            `json:"status"` // its name
	Message string            `json:"message"`
	Reason  string            `json:"reason,omitempty"`  // why, for programs
	Details map[string]string `json:"details,omitempty"` // task_id, leader and so on
}

var bodyTooLarge = fmt.Sprintf("the request's body is too large: it may have at most %d bytes", maxBody)

// newMarshaler reads and writes JSON with the protos' own field names. Unknown fields are refused.
func newMarshaler() runtime.Marshaler {
	return &marshaler{runtime.JSONPb{
		MarshalOptions:   protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true},
		UnmarshalOptions: protojson.UnmarshalOptions{},
	}}
}

// marshaler is the gateway's, with errors that people can read.
type marshaler struct{ runtime.JSONPb }

func (m *marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	inner := m.JSONPb.NewDecoder(r)
	return runtime.DecoderFunc(func(v any) error {
		err := inner.Decode(v)
		var large *http.MaxBytesError
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return err
		case errors.As(err, &large):
			return errors.New(bodyTooLarge)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the request's body is no JSON: it ends in the middle")
		}
		return fmt.Errorf("the request's body is not what this call takes: %s", plain(err))
	})
}

// plain takes from protobuf's errors the prefix and the no-break spaces that keep programs from relying on them.
func plain(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return strings.TrimPrefix(text, "proto: ")
}

// inPath says in the user's words what the gateway says of a part of the path that is no number.
func inPath(text string) string {
	rest, mismatch := strings.CutPrefix(text, "type mismatch, parameter: ")
	field, _, _ := strings.Cut(rest, ", error: ")
	if !mismatch {
		return text
	}
	return field + " in the path is not a number, or too large"
}

// gatewayError answers a call that failed.
func gatewayError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	s := status.Convert(err)
	out := jsonError{Code: int(s.Code()), Status: codeName(s.Code()), Message: inPath(s.Message())}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			out.Reason, out.Details = d.GetReason(), d.GetMetadata()
		case *errdetails.RetryInfo:
			w.Header().Set("Retry-After", strconv.Itoa(max(int(d.GetRetryDelay().AsDuration().Seconds()), 1)))
		}
	}
	code := runtime.HTTPStatusFromCode(s.Code())
	switch {
	case out.Message == bodyTooLarge:
		code, out.Reason = http.StatusRequestEntityTooLarge, "too_large"
	case out.Reason == "" && s.Code() == codes.InvalidArgument: // of a body, a path or a query that can't be read
		out.Reason = "invalid"
	}
	writeError(w, code, out)
}

// routingError answers a request that fits no path or method.
func routingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	out := noSuchPath(r)
	switch code {
	case http.StatusMethodNotAllowed:
		out = jsonError{
			Code: int(codes.Unimplemented), Status: "UNIMPLEMENTED", Reason: "no_such_method",
			Message: r.Method + " is not served at " + r.URL.Path + ": see /openapi.json",
		}
	case http.StatusBadRequest:
		out = jsonError{Code: int(codes.InvalidArgument), Status: "INVALID_ARGUMENT", Reason: "invalid", Message: "the request can't be read"}
	}
	writeError(w, code, out)
}

func noSuchPath(r *http.Request) jsonError {
	return jsonError{
		Code: int(codes.NotFound), Status: "NOT_FOUND", Reason: "no_such_path",
		Message: "nothing is served at " + r.URL.Path + ": see /openapi.json",
	}
}

// codeName is the name of a code as the gRPC documentation writes it.
func codeName(c codes.Code) string {
	if c == codes.Canceled { // spelled so in Go only
		return "CANCELLED"
	}
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' && c != codes.OK {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// queryParser is the gateway's parser of query parameters, except that it refuses names which it doesn't know.
type queryParser struct{ runtime.DefaultQueryParser }

// Parse sets the fields of the message that the query names.
func (p queryParser) Parse(target proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	fields := target.ProtoReflect().Descriptor().Fields()
	for key := range values {
		name, _, _ := strings.Cut(strings.SplitN(key, "[", 2)[0], ".")
		if fields.ByName(protoreflect.Name(name)) == nil && fields.ByJSONName(name) == nil {
			return fmt.Errorf("the query has the unknown field %q", clip(key))
		}
	}
	if err := p.DefaultQueryParser.Parse(target, values, filter); err != nil {
		return errors.New(plain(err))
	}
	return nil
}

// incomingHeader lets the headers through that the API uses; the others stay outside.
func incomingHeader(key string) (string, bool) {
	switch textproto.CanonicalMIMEHeaderKey(key) {
	case "Traceparent", "Tracestate":
		return strings.ToLower(key), true
	}
	return "", false
}

// errorLog takes what net/http has to say about broken connections.
func errorLog(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
