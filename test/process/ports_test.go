package process

import (
	"net"
	"testing"
)

func TestReserve(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		r, err := Reserve(10)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		for _, addr := range r.Addrs {
			if seen[addr] {
				t.Errorf("%s is reserved twice", addr)
			}
			seen[addr] = true
		}
		l, err := net.Listen("tcp", r.Addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	if _, err := Reserve(lastPort); err == nil {
		t.Error("more than there are are reserved")
	}
	var none *Reservation
	none.Release()
}
