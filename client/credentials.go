package client

import "context"

// Token returns call credentials that send an API token with every call. The function is asked for it each time, so
// that a token that was rotated is used at once. Tokens travel over TLS only, unless plaintext is allowed.
func Token(token func() (string, error), allowPlaintext bool) *TokenCredentials {
	return &TokenCredentials{token: token, plaintext: allowPlaintext}
}

// TokenCredentials are a grpc credentials.PerRPCCredentials.
type TokenCredentials struct {
	token     func() (string, error)
	plaintext bool
}

// GetRequestMetadata returns the authorization header.
func (t *TokenCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := t.token()
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity keeps tokens from plaintext connections.
func (t *TokenCredentials) RequireTransportSecurity() bool { return !t.plaintext }
