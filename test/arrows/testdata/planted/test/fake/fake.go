// Package fake is for tests.
package fake
