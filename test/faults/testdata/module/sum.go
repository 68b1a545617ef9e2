// Package m has a function with a test, and one without.
package m

// Sum is tested.
func Sum(a, b int) int {
	return a + b
}

// Product is not.
func Product(a, b int) int {
	return a * b
}
