package session

import (
	"bytes"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// mending is how the device finds and mends what differs in a scope although
// its cursor is right: an accident of a disk, a bug of an older release, a
// server restored from a backup.
type mending struct {
	// queue are the scopes that differ, mend the one being mended.
	queue []syncproto.ScopeID
	mend  *mend
	// failed are scopes in which mending made no difference.
	failed map[syncproto.ScopeID]bool
	// vain are the scopes that differed and in which nothing was found to mend,
	// since they last agreed.
	vain map[syncproto.ScopeID]*vain
}

// vain counts how often nothing was found, and how often the scope differed and
// was not looked at since.
type vain struct{ looked, passed int }

type mend struct {
	scope  syncproto.ScopeID
	phase  mendPhase
	rounds int
	// theirs are the server's records of the buckets at hand.
	buckets []byte
	theirs  map[syncproto.RecordID][16]byte
	// want are the records to ask for, left how many of those asked for have not
	// come, given how many of what came the store has not mended yet.
	want  []syncproto.RecordID
	left  int
	given int
	// tries counts how often each bucket was found to differ.
	tries [wire.Buckets]uint8
	// mended counts records that came, kept those that could not be dropped.
	mended, kept int
	// over says that the scope was taken away; what is under way is let run out.
	over bool
}

type mendPhase uint8

const (
	mendSums     mendPhase = iota // the store adds up its buckets
	mendCompared                  // the server looks for differences
	mendEntries                   // the store lists its records
	mendRecords                   // records are asked for and put in place
)

// differs queues a scope whose sum is not the server's.
func (d *Device) differs(scope syncproto.ScopeID) {
	if !d.granted[scope] || d.failed[scope] || d.mend != nil && d.mend.scope == scope || slices.Contains(d.queue, scope) {
		return
	}
	if d.rests(scope) {
		return
	}
	d.queue = append(d.queue, scope)
}

// rests says whether a scope that differs is left alone this time: it was looked
// at in vain, and the more often, the longer it rests.
func (d *Device) rests(scope syncproto.ScopeID) bool {
	v := d.vain[scope]
	if v == nil || v.looked < mendTries {
		return false
	}
	if v.passed++; v.passed < 1<<min(v.looked-mendTries+1, 16) {
		return true
	}
	v.passed = 0
	return false
}

// inVain ends the mending of a scope in which nothing was mended.
func (d *Device) inVain() {
	scope := d.mend.scope
	d.mend = nil
	if d.vain[scope] == nil {
		d.vain[scope] = &vain{}
	}
	d.vain[scope].looked++
}

// forget stops mending a scope that is taken away.
func (d *Device) forget(scope syncproto.ScopeID) {
	d.queue = slices.DeleteFunc(d.queue, func(s syncproto.ScopeID) bool { return s == scope })
	if d.mend != nil && d.mend.scope == scope {
		d.mend.over = true
		if d.mend.phase == mendCompared || d.mend.phase == mendRecords && d.mend.given == 0 {
			d.mend = nil // the server does not answer any more
		}
	}
}

// pumpMending begins with the next scope.
func (d *Device) pumpMending() {
	if d.mend != nil || len(d.queue) == 0 {
		return
	}
	d.mend = &mend{scope: d.queue[0]}
	d.queue = d.queue[1:]
	d.compareNext()
}

func (d *Device) compareNext() {
	m := d.mend
	m.phase, m.mended = mendSums, 0
	m.rounds++
	d.do(ReadBuckets{Scope: m.scope})
}

func (d *Device) bucketsRead(ev BucketsRead) {
	m := d.mend
	if m == nil || m.scope != ev.Scope || m.phase != mendSums {
		return
	}
	if m.over {
		d.mend = nil
		return
	}
	sums := make([]byte, 0, wire.Buckets*16)
	for i := range ev.Sums {
		sums = append(sums, ev.Sums[i][:]...)
	}
	m.phase = mendCompared
	d.control = append(d.control, &wire.Compare{Scope: m.scope, Position: ev.Position, Buckets: sums})
}

func (d *Device) serverEntries(e *wire.ServerEntries) {
	m := d.mend
	if !d.take(e) {
		return
	}
	if m == nil || m.scope != e.Scope || m.phase != mendCompared {
		if !d.granted[e.Scope] {
			d.committed() // the scope was taken away meanwhile
			return
		}
		d.broken("an answer to no comparison")
		return
	}
	d.committed()
	if len(e.Buckets) == 0 {
		d.inVain() // no difference any more, unless the sum itself is wrong
		return
	}
	for _, b := range e.Buckets {
		if m.tries[b]++; m.tries[b] > mendTries {
			d.mendFailed("mending makes no difference")
			return
		}
	}
	m.theirs = make(map[syncproto.RecordID][16]byte, len(e.Entries))
	for _, x := range e.Entries {
		if !slices.Contains(e.Buckets, BucketOf(x.Record)) {
			d.broken("a record outside the buckets that it is said to be in")
			return
		}
		m.theirs[x.Record] = x.StateHash
	}
	m.buckets, m.phase = e.Buckets, mendEntries
	d.do(ReadEntries{Scope: m.scope, Buckets: e.Buckets})
}

func (d *Device) entriesRead(ev EntriesRead) {
	m := d.mend
	if m == nil || m.scope != ev.Scope || m.phase != mendEntries {
		return
	}
	if m.over {
		d.mend = nil
		return
	}
	m.want = nil
	for _, x := range ev.Entries {
		if hash, there := m.theirs[x.Record]; !there || hash != x.StateHash {
			m.want = append(m.want, x.Record)
		}
		delete(m.theirs, x.Record)
	}
	for r := range m.theirs {
		m.want = append(m.want, r)
	}
	slices.SortFunc(m.want, func(a, b syncproto.RecordID) int { return bytes.Compare(a[:], b[:]) })
	m.theirs = nil
	m.phase = mendRecords
	d.wantNext()
}

// wantNext asks for more records, or ends the round.
func (d *Device) wantNext() {
	m := d.mend
	if m.left > 0 || m.given > 0 {
		return
	}
	if len(m.want) > 0 {
		n := min(len(m.want), maxWant)
		d.control = append(d.control, &wire.Want{Scope: m.scope, Records: m.want[:n:n]})
		m.left, m.want = n, m.want[n:]
		return
	}
	switch {
	case m.kept > 0:
		d.inVain() // own changes stand there; once they are received, a Caught compares again
	case m.mended == 0 || m.rounds >= maxRounds:
		d.mendFailed("mending makes no difference")
	default:
		d.compareNext()
	}
}

func (d *Device) records(r *wire.Records) {
	if !d.take(r) {
		return
	}
	m := d.mend
	n := len(r.Records) + len(r.Gone)
	if m == nil || m.scope != r.Scope || m.phase != mendRecords || n > m.left || n == 0 {
		if !d.granted[r.Scope] {
			d.committed()
			return
		}
		d.broken("records that were not asked for")
		return
	}
	m.left -= n
	m.given++
	m.mended += n
	d.do(MendRecords{Scope: m.scope, Position: r.Position, Records: r.Records, Gone: r.Gone})
}

func (d *Device) recordsMended(ev RecordsMended) {
	d.committed()
	m := d.mend
	if m == nil || m.scope != ev.Scope || m.given == 0 {
		return
	}
	m.given--
	m.kept += ev.Kept
	if m.over {
		d.mend = nil
		return
	}
	if h := d.heads[m.scope]; m.left == 0 && len(m.want) == 0 && m.given == 0 &&
		h.Sum == ev.Head.Sum && h.Count == ev.Head.Count && d.at[m.scope] == h.Position {
		d.mend = nil // all is well
		return
	}
	d.wantNext()
}

// mendFailed loads the scope anew over what is here, once; then it is a
// person's turn.
func (d *Device) mendFailed(detail string) {
	scope := d.mend.scope
	d.mend = nil
	d.failed[scope] = true
	d.tell(Alarm{Scope: scope, Detail: detail})
	if !d.sawReset[scope] {
		d.do(ResetCursor{Scope: scope})
	}
}
