package raftfsm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

const (
	// maxInFlight bounds the entries in flight. Raft's channel of proposals holds 64 and the channel to the watcher
	// twice this, so that neither ever blocks the flusher.
	maxInFlight = 8
	// companionRoom is what every entry keeps free for its header and for companions.
	companionRoom = 8 << 10
	// maxProposal is the largest encoding of commands that are proposed together.
	maxProposal = MaxEntryBytes - companionRoom
	// urgentPart of the bounds is kept for urgent commands.
	urgentPart = 8
)

// Dispatcher hands out work while this member leads. None of its methods may block, nor call Propose or Read.
type Dispatcher interface {
	// Companions is called with the commands of an entry that is about to be sealed. It may return further commands,
	// which travel behind them.
	Companions(cs []task.Command) []Companion
	// Applied is called after each entry that was applied while this member led, behind the calls of done.
	Applied(eff task.Effects)
	// Leadership tells that this member begins or ends to lead.
	Leadership(leader bool)
}

// Companion is a command that the dispatcher adds to an entry. Done is called like that of Submit, exactly once.
type Companion struct {
	Command task.Command
	Done    func(task.Result, error)
}

// proposal is what one caller wants to have in one entry.
type proposal struct {
	n       int // commands
	encoded *[]byte
	done    func([]task.Result, error)
	seen    seen
}

// batch is what becomes one entry.
type batch struct {
	seq       uint64
	commands  []task.Command
	proposals []proposal
	bytes     int
	timeline  uint64    // that all its proposals are of
	born      time.Time // of its first command
	sealed    time.Time // when raft was given its entry
}

// proposer packs commands into entries (group commit) and gives every caller its own results.
//
// A proposal is in exactly one place: the queue, refused, or a batch in flight; whoever takes it from there calls done.
type proposer struct {
	config ProposalConfig
	log    interface {
		Apply(entry []byte, timeout time.Duration) raft.ApplyFuture
	}
	clock   *clock
	room    interface{ Admit(size int) error }
	metrics *metrics
	node    uint64 // this process' random name, in the header of its entries
	wake    chan struct{}
	watched chan watched
	answers func(err error)   // sees how raft answered each entry
	closed  func() error      // why proposals are refused, when they are
	level   func() uint32     // the group's feature level
	helper  func() Dispatcher // who adds companions; nil: nobody

	random *rand.ChaCha8 // the flusher's
	seq    uint64        // the flusher's

	mu       sync.Mutex // guards the rest
	leads    bool       // proposals are taken
	timeline uint64     // of the state that proposals are for
	ended    bool       // the flusher has, and they never will be again
	queue    []*batch
	inFlight map[uint64]*batch
	slots    int // of InFlight that are in use
	refused  []refusal
	bytes    int // queued and in flight
	commands int
}

type refusal struct {
	done func([]task.Result, error)
	err  error
}

// watched is an entry that raft has been given.
type watched struct {
	seq    uint64
	future raft.ApplyFuture
}

// submit queues commands that stay adjacent in one entry. While the node runs it never calls done itself.
func (p *proposer) submit(cs []task.Command, urgent bool, done func([]task.Result, error)) {
	p.submitSeen(cs, seen{}, urgent, done)
}

// submitSeen is submit for what somebody proposes because of what he has seen.
func (p *proposer) submitSeen(cs []task.Command, s seen, urgent bool, done func([]task.Result, error)) {
	if err := p.enqueue(cs, s, urgent, done); err != nil && !p.refuse(done, err) {
		done(nil, err)
		return
	}
	p.signal()
}

// refuse has the flusher call done; false: it has ended.
func (p *proposer) refuse(done func([]task.Result, error), err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.refused = append(p.refused, refusal{done, err})
	}
	return !p.ended
}

func (p *proposer) enqueue(cs []task.Command, s seen, urgent bool, done func([]task.Result, error)) error {
	if len(cs) == 0 {
		return errors.New("nothing to propose")
	}
	for _, c := range cs {
		if need := task.LevelOf(c); need > task.BaseLevel && need > p.level() {
			return ErrLevel
		}
	}
	encoded := encode(cs)
	if creates(cs) {
		if err := p.room.Admit(len(*encoded)); err != nil {
			recycle(encoded)
			return err
		}
	}
	err := p.add(cs, proposal{n: len(cs), encoded: encoded, done: done, seen: s}, urgent)
	if err != nil {
		recycle(encoded)
	}
	return err
}

func (p *proposer) add(cs []task.Command, pr proposal, urgent bool) error {
	size := len(*pr.encoded)
	if size > maxProposal {
		return fmt.Errorf("%w: %d bytes of commands, at most %d", ErrTooLarge, size, maxProposal)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if pr.seen.any && pr.seen.timeline != p.timeline {
		return ErrRestored
	}
	if !p.leads {
		return p.closed()
	}
	maxBytes, maxCommands := p.config.PendingBytes, p.config.PendingCommands
	if urgent {
		maxBytes += maxBytes / urgentPart
		maxCommands += max(maxCommands/urgentPart, 1)
	}
	if p.bytes+size > maxBytes || p.commands+len(cs) > maxCommands {
		p.metrics.overloads.Inc()
		return ErrOverloaded
	}
	var b *batch
	if last := len(p.queue) - 1; last >= 0 && p.queue[last].bytes+size <= p.config.EntryBytes {
		b = p.queue[last]
	} else {
		b = &batch{born: time.Now(), timeline: p.timeline}
		p.queue = append(p.queue, b)
	}
	b.commands = append(b.commands, cs...)
	b.proposals = append(b.proposals, pr)
	b.bytes += size
	p.bytes += size
	p.commands += len(cs)
	return nil
}

// creates reports whether the commands make new tasks, or what makes them.
func creates(cs []task.Command) bool {
	for _, c := range cs {
		switch task.Inner(c).(type) {
		case *task.Enqueue, *task.PutSchedule, *task.FireSchedules, *task.TriggerSchedule, *task.BackfillSchedule,
			*task.EnqueueGraph, *task.CreateBatch, *task.ImportTasks:
			return true
		}
	}
	return false
}

// signal wakes the flusher.
func (p *proposer) signal() {
	select {
	case p.wake <- struct{}{}:
	default: // it is going to look already
	}
}

// open begins to take proposals.
func (p *proposer) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leads = !p.ended
}

// close refuses proposals from now on and those that are queued. What is in flight is left to raft.
func (p *proposer) close(why error) {
	p.mu.Lock()
	p.leads = false
	for _, b := range p.queue {
		for _, pr := range b.proposals {
			p.refused = append(p.refused, refusal{pr.done, why})
		}
		p.bytes -= b.bytes
		p.commands -= len(b.commands)
	}
	p.queue = nil
	p.mu.Unlock()
	p.signal()
}

// take claims an entry in flight; nil: it isn't one of ours, or has been claimed.
func (p *proposer) take(seq uint64) *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.inFlight[seq]
	delete(p.inFlight, seq)
	return b
}

// release frees the place of an entry that was claimed, when its callers have their results.
func (p *proposer) release(b *batch) {
	p.metrics.proposeSeconds.Observe(time.Since(b.born).Seconds())
	p.mu.Lock()
	p.slots--
	p.bytes -= b.bytes
	p.commands -= len(b.commands)
	p.mu.Unlock()
	p.signal()
}

// abandon claims everything in flight: raft is down and will not answer.
func (p *proposer) abandon() {
	p.mu.Lock()
	left := make([]*batch, 0, len(p.inFlight))
	for seq, b := range p.inFlight {
		left = append(left, b)
		delete(p.inFlight, seq)
	}
	p.mu.Unlock()
	for _, b := range left {
		b.fail(ErrUnknownOutcome)
		p.release(b)
	}
}

// idle reports whether nothing is queued or in flight.
func (p *proposer) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) == 0 && p.slots == 0
}

// deliver gives each caller its results.
func (b *batch) deliver(results []task.Result) {
	for _, pr := range b.proposals {
		pr.done(results[:pr.n:pr.n], nil)
		results = results[pr.n:]
	}
}

func (b *batch) fail(err error) {
	for _, pr := range b.proposals {
		pr.done(nil, err)
	}
}
