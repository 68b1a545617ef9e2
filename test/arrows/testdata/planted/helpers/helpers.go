// Package helpers has no place in the design.
package helpers
