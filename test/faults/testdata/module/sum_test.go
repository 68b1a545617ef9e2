package m

import "testing"

func TestSum(t *testing.T) {
	if Sum(2, 3) != 5 {
		t.Fatal("wrong sum")
	}
}

func TestBroken(t *testing.T) {
	t.Fatal("fails anyhow")
}
