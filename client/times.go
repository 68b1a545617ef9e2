package client

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// seconds makes a duration of the API's seconds, rounded to microseconds, which is what the servers keep.
func seconds(s float64) time.Duration {
	const most = float64(math.MaxInt64 / int64(time.Microsecond))
	return time.Duration(min(math.Round(s*1e6), most)) * time.Microsecond
}

// at makes a time of the API's; the zero time where it has none.
func at(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
