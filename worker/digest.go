package worker

// leaseDigest is a lease's part in the digest of the leases held, which heartbeats carry: the 64-bit finalizer of
// MurmurHash3 (fmix64; Austin Appleby, 2011) over its token. The servers compute the same as task.LeaseDigest.
func leaseDigest(token uint64) uint64 {
	x := token
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}
