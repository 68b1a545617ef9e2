// Package bbolt stands for the real one.
package bbolt
