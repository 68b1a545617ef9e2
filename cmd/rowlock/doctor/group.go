package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// findMembers asks one member for all, and examines those too.
func (d *Doctor) findMembers(ctx context.Context) {
	if len(d.members) == 0 {
		d.add(Bad, "group", "members", "start a server, or name another with --addr or ROWLOCK_ADDR", "no member answers")
		return
	}
	list, err := d.settled(ctx, d.members[0].addr)
	if err != nil {
		d.add(Bad, "group", "members", "without a leader nothing is accepted: see that a majority of the voters runs and can reach each other", "the leader doesn't tell its members: %s", err)
		return
	}
	for _, m := range list {
		id, self := m.GetMember().GetId(), d.named(m.GetMember().GetId())
		reached := m.GetMember().GetAddress()
		if self != nil {
			reached = self.addr
		}
		api := withPort(m.GetApiAddress(), reached)
		switch {
		case api == "" && self == nil:
			d.add(Bad, "member", id, "start it, or if it is gone for good take it out: rowlock cluster remove "+id, "doesn't answer the leader: %s", m.GetProblem())
		case self == nil && !d.ClientOnly:
			d.ask(ctx, api)
		}
		if !d.ClientOnly {
			d.port(ctx, "Raft", m.GetMember().GetAddress())
		}
		if !m.GetHealthy() && api != "" {
			d.add(Bad, "member", id, "look at its log and its disk; see 'rowlock cluster members'", "the leader finds it unhealthy: %s", m.GetProblem())
		}
	}
	d.listing = list
}

// patience is how long a leader that has just begun may take to find its members well, and patiencePause lies between looks.
const patience, patiencePause = 5 * time.Second, 500 * time.Millisecond

// settled asks again while the leader finds a member unwell: it may have begun a moment ago.
func (d *Doctor) settled(ctx context.Context, addr string) ([]*rowlockv1.MemberState, error) {
	unwell := func(m *rowlockv1.MemberState) bool { return !m.GetHealthy() }
	for end := d.Now().Add(patience); ; {
		list, err := d.list(ctx, addr)
		if err != nil || !slices.ContainsFunc(list, unwell) || d.Now().After(end) {
			return list, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(patiencePause):
		}
	}
}

// list asks for the members as the leader sees them.
func (d *Doctor) list(ctx context.Context, addr string) ([]*rowlockv1.MemberState, error) {
	conn, err := d.dial(addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*dialTime)
	defer cancel()
	answer, err := rowlockv1.NewClusterServiceClient(conn).ListMembers(ctx, &rowlockv1.ListMembersRequest{})
	if err != nil {
		return nil, &refusal{status.Convert(err).Message()}
	}
	return answer.GetMembers(), nil
}

// refusal is what a server said.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func (d *Doctor) named(id string) *member {
	i := slices.IndexFunc(d.members, func(m *member) bool { return m.status.GetNodeId() == id })
	if i < 0 {
		return nil
	}
	return d.members[i]
}

// compare holds the members against each other.
func (d *Doctor) compare() {
	if len(d.members) == 0 {
		return
	}
	var clusters, versions, leaders []string
	for _, m := range d.members {
		clusters = append(clusters, m.status.GetClusterId())
		versions = append(versions, m.status.GetVersion())
		leaders = append(leaders, m.status.GetLeaderId())
	}
	if all := distinct(clusters); len(all) > 1 {
		d.add(Bad, "group", "cluster", "name in --addr members of one group only, and see how a second one came to be: a wiped data directory, say", "the members belong to %d groups: %s", len(all), strings.Join(all, ", "))
	}
	switch all := distinct(leaders); {
	case len(all) == 1 && all[0] == "":
		d.add(Bad, "group", "leader", "see that a majority of the voters runs and that they reach each other's Raft ports", "there is none")
	case len(all) > 1:
		d.add(Warning, "group", "leader", "look again: an election takes a few seconds. If it stays so, see the members' connections", "the members don't agree: %s", strings.Join(all, ", "))
	default:
		d.good("group", "leader", "%s", all[0])
	}
	if all := distinct(versions); len(all) > 1 {
		d.add(Warning, "group", "versions", "finish the upgrade: the feature level rises when all members support it", "%s", strings.Join(all, ", "))
	}
	d.quorum()
	d.spread()
}

// quorum says how many more voters may fail.
func (d *Doctor) quorum() {
	voters, well := 0, 0
	for _, m := range d.listing {
		if m.GetMember().GetRole() == "voter" {
			voters++
			if m.GetHealthy() {
				well++
			}
		}
	}
	if voters == 0 {
		return
	}
	spare := well - (voters/2 + 1)
	switch {
	case voters == 1:
		d.add(Warning, "group", "quorum", "run three members or more: see docs/guides/cluster.md", "one voter: if it fails nothing is accepted, and if its disk is lost all is")
	case spare <= 0:
		d.add(Bad, "group", "quorum", "bring the missing members back", "%d of %d voters are healthy: no other may fail", well, voters)
	default:
		d.good("group", "quorum", "%d of %d voters are healthy: %d may fail", well, voters, spare)
	}
}

// spread judges the members' clocks against each other.
func (d *Doctor) spread() {
	var offsets []time.Duration
	for _, m := range d.members {
		if m.clocked {
			offsets = append(offsets, m.offset)
		}
	}
	if len(offsets) < 2 {
		return
	}
	apart := slices.Max(offsets) - slices.Min(offsets)
	grade, mend := judgeClock(apart)
	d.add(grade, "clock", "members", mend, "at most %s apart", span(apart))
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
