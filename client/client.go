package client

import (
	"google.golang.org/grpc"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Client is a connection to a cluster. It is safe for use by many goroutines, and one for each process is enough.
type Client struct {
	config   Config
	pool     *pool
	producer *producer
	tasks    rowlockv1.TaskServiceClient
	workers  rowlockv1.WorkerServiceClient
	queues   rowlockv1.QueueServiceClient
	batches  rowlockv1.BatchServiceClient
	cluster  rowlockv1.ClusterServiceClient

	schedules rowlockv1.ScheduleServiceClient
	watch     rowlockv1.WatchServiceClient
}

// New makes a Client. It checks the configuration and connects with the first call.
func New(config Config) (*Client, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := newPool(config)
	if err != nil {
		return nil, err
	}
	c := &Client{
		config:  config,
		pool:    p,
		tasks:   rowlockv1.NewTaskServiceClient(p),
		workers: rowlockv1.NewWorkerServiceClient(p),
		queues:  rowlockv1.NewQueueServiceClient(p),
		batches: rowlockv1.NewBatchServiceClient(p),
		cluster: rowlockv1.NewClusterServiceClient(p),

		schedules: rowlockv1.NewScheduleServiceClient(p),
		watch:     rowlockv1.NewWatchServiceClient(p),
	}
	c.producer = newProducer(config, p)
	return c, nil
}

// Close ends the connections and waits for what runs in the background. Calls that are under way fail with ErrClosed,
// or with ErrUnknownOutcome where a server may have seen them.
func (c *Client) Close() error {
	c.producer.close()
	return c.pool.close()
}

// Conn is for calls that Client has no method for, through the generated stubs of package rowlockv1. It goes on to the
// next address when a server is unavailable, and repeats unary calls: give those that change something a request_id. A
// stream isn't repeated: after an error, the next one goes to the next address. A stream whose context is cancelled with
// the cause ErrUnavailable counts as such an error.
func (c *Client) Conn() grpc.ClientConnInterface { return c.pool }
