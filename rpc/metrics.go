package rpc

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/task"
)

// metrics are the API's metrics.
type metrics struct {
	calls    *callMetrics
	dispatch *dispatchMetrics
	sessions *sessionMetrics
	queues   *queueCollector
	watch    *watchMetrics

	operations *operationCollector
}

func newMetrics(n Node) *metrics {
	return &metrics{
		calls: newCallMetrics(), dispatch: newDispatchMetrics(), sessions: newSessionMetrics(), queues: newQueueCollector(n),
		watch:      newWatchMetrics(),
		operations: newOperationCollector(n),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return append(m.watch.collectors(),
		m.calls.requests, m.calls.errors, m.calls.responses, m.calls.duration,
		m.dispatch.leases, m.dispatch.granted, m.dispatch.short, m.dispatch.failed, m.dispatch.companions, m.dispatch.givenBack,
		m.dispatch.late, m.sessions.streams, m.queues, m.operations, m.dispatch.batches.refusals, m.dispatch.batches.expired,
	)
}

// register registers all, or none.
func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for i, c := range m.collectors() {
		if err := r.Register(c); err != nil {
			for _, done := range m.collectors()[:i] {
				r.Unregister(done)
			}
			return err
		}
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	if r == nil {
		return
	}
	for _, c := range m.collectors() {
		r.Unregister(c)
	}
}

// callMetrics count calls. Requests and errors have the same labels, so that their ratio works.
type callMetrics struct {
	requests  *prometheus.CounterVec
	errors    *prometheus.CounterVec
	responses *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	methods   map[string]*methodMetrics // by full name; read only once the server runs
}

// methodMetrics are the series of one method.
type methodMetrics struct {
	service, method  string
	requests, errors prometheus.Counter
	duration         prometheus.Observer
}

func newCallMetrics() *callMetrics {
	labels := []string{"service", "method"}
	return &callMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_requests_total", Help: "Calls, over gRPC and HTTP.",
		}, labels),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_errors_total", Help: "Calls that failed for a reason of the service's, not of the caller's.",
		}, labels),
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rowlock_api_responses_total", Help: "Calls by their gRPC status code.",
		}, append(labels, "code")),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "api_request_duration_seconds", Help: "How long unary calls took.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, labels),
		methods: map[string]*methodMetrics{},
	}
}

// prepare makes the series of a server's methods, so that they are there before the first call.
func (m *callMetrics) prepare(s *grpc.Server) {
	for service, info := range s.GetServiceInfo() {
		for _, method := range info.Methods {
			m.methods["/"+service+"/"+method.Name] = &methodMetrics{
				service: service, method: method.Name,
				requests: m.requests.WithLabelValues(service, method.Name),
				errors:   m.errors.WithLabelValues(service, method.Name),
				duration: m.duration.WithLabelValues(service, method.Name),
			}
		}
	}
}

// ended counts a call. A stream's duration means nothing.
func (m *callMetrics) ended(fullMethod string, stream bool, took time.Duration, code codes.Code) {
	s := m.methods[fullMethod]
	if s == nil {
		return
	}
	if isServerFault(code) {
		s.errors.Inc()
	}
	if code != codes.OK {
		m.responses.WithLabelValues(s.service, s.method, code.String()).Inc()
	}
	if !stream {
		s.duration.Observe(took.Seconds())
	}
}

func (m *callMetrics) begun(fullMethod string) {
	if s := m.methods[fullMethod]; s != nil {
		s.requests.Inc()
	}
}

// dispatchMetrics count what the dispatcher does and is told of.
type dispatchMetrics struct {
	leases, granted, short, failed, companions, givenBack, late prometheus.Counter

	batches *batchMetrics
}

func newDispatchMetrics() *dispatchMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "rowlock_dispatch_" + name + "_total", Help: help})
	}
	return &dispatchMetrics{
		leases:     counter("leases", "Lease commands answered."),
		granted:    counter("granted_tasks", "Tasks granted by them."),
		short:      counter("short_leases", "Lease commands that brought fewer tasks than asked for."),
		failed:     counter("failed_leases", "Lease commands that failed."),
		companions: counter("companions", "Lease commands that travelled with the tasks they were for."),
		givenBack:  counter("given_back_tasks", "Leases released because they didn't reach their worker."),
		late:       counter("late_wakeups", "Takers that the sweep found overlooked: a fault of the dispatcher."),
		batches:    newBatchMetrics(),
	}
}

func (m *dispatchMetrics) answered(asked, granted int, err error) {
	m.leases.Inc()
	m.granted.Add(float64(granted))
	switch {
	case err != nil:
		m.failed.Inc()
	case granted < asked:
		m.short.Inc()
	}
}

// sessionMetrics count workers.
type sessionMetrics struct{ streams prometheus.Gauge }

func newSessionMetrics() *sessionMetrics {
	return &sessionMetrics{streams: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rowlock_worker_streams", Help: "Work streams that are open on this member.",
	})}
}

// queueCollector shows what the queues hold. Only the leader does, or sums over members would count it several times.
type queueCollector struct {
	node                         Node
	size, tasks, workers, leases *prometheus.Desc
	bytes                        *prometheus.Desc
	totals                       queueTotals
}

func newQueueCollector(n Node) *queueCollector {
	return &queueCollector{
		node:    n,
		size:    prometheus.NewDesc("task_queue_size", "Pending tasks of the queue.", []string{"queue"}, nil),
		tasks:   prometheus.NewDesc("rowlock_queue_tasks", "Live tasks of the queue by state.", []string{"queue", "state"}, nil),
		workers: prometheus.NewDesc("rowlock_worker_sessions", "Open worker sessions.", nil, nil),
		leases:  prometheus.NewDesc("rowlock_leases", "Live leases.", nil, nil),
		bytes: prometheus.NewDesc("rowlock_queue_live_bytes", "Bytes of payloads of the queue's live tasks, dead letters aside.",
			[]string{"queue"}, nil),
		totals: newQueueTotals(),
	}
}

func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.size
	ch <- c.tasks
	ch <- c.workers
	ch <- c.leases
	ch <- c.bytes
	c.totals.describe(ch)
}

// gaugeStates are the states that have a gauge.
var gaugeStates = []task.State{task.Scheduled, task.Blocked, task.Pending, task.Running, task.DeadLetter}

// Collect reads the queues in steps, so that no reader holds the machine for long.
func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	if !c.node.Status().Serving {
		return
	}
	const step = 500
	running := uint64(0)
	for after := ""; ; {
		var queues []task.Queue
		c.node.Machine(func(m *task.Machine) { queues = m.Queues(after, step) })
		for i := range queues {
			q := &queues[i]
			running += q.Live[task.Running]
			ch <- prometheus.MustNewConstMetric(c.size, prometheus.GaugeValue, float64(q.Live[task.Pending]), q.Name)
			ch <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(q.Bytes), q.Name)
			c.totals.collect(ch, q)
			for _, st := range gaugeStates {
				ch <- prometheus.MustNewConstMetric(c.tasks, prometheus.GaugeValue, float64(q.Live[st]), q.Name, st.String())
			}
		}
		if len(queues) < step {
			break
		}
		after = queues[len(queues)-1].Name
	}
	sessions := 0
	c.node.Machine(func(m *task.Machine) { sessions = len(m.Sessions()) })
	ch <- prometheus.MustNewConstMetric(c.workers, prometheus.GaugeValue, float64(sessions))
	ch <- prometheus.MustNewConstMetric(c.leases, prometheus.GaugeValue, float64(running))
}
