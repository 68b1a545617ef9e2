// Package client is fine but for its test.
package client
