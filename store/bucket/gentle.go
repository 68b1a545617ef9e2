package bucket

import "os"

// gentleBytes is how much is written between two fsyncs.
const gentleBytes = 4 << 20

// gentle writes a file with an fsync now and then. One fsync of hundreds of megabytes keeps the disk busy for a second, and with
// it everybody who writes there meanwhile: perhaps a member its log.
type gentle struct {
	file  *os.File
	loose int // bytes since the last fsync
}

func (g *gentle) Write(b []byte) (int, error) {
	n, err := g.file.Write(b)
	if g.loose += n; err == nil && g.loose >= gentleBytes {
		g.loose = 0
		err = g.file.Sync()
	}
	return n, err
}
