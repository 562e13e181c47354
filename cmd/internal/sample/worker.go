package sample

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"mahalleh/schemas/jalali"
	"mahalleh/syncproto"
)

// worker is one of the three who work in a neighbourhood, with their device. What
// they refer to they have seen: their own records, and what was on the server
// when they last synced.
type worker struct {
	*device
	hood *hood
	role role
	sex  string
	own  [pools][]recordID
	saw  [pools]int
	// todo is what they are going to do, by time.
	todo []task
	// opened are records as they were at the last sync, for edits until the next.
	opened map[recordID]*syncproto.RecordState
	// quiet is when the device was last heard of, if it falls silent.
	quiet int64
	gap   int // days between syncs, at most
	// asked counts the households asked.
	asked int
}

type role int

const (
	facilitator role = iota
	manager
	holder
)

// task is one thing to be done at a time. arg tells tasks of a kind apart.
type task struct {
	at  int64
	do  func(x *worker, at int64, arg int)
	arg int
}

// plan adds tasks of a kind, spread over days.
func (x *worker) plan(n int, from, to float64, do func(x *worker, at int64, arg int)) {
	for i := range n {
		x.todo = append(x.todo, task{at: x.hood.dayOf(from + (to-from)*x.hood.rng.Float64()), do: do, arg: i})
	}
}

// order brings the tasks into their order, after they were planned.
func (x *worker) order() {
	slices.SortStableFunc(x.todo, func(a, b task) int { return cmp.Compare(a.at, b.at) })
}

// sync is a sync that others follow.
func (x *worker) sync(t int64) error {
	if x.quiet != 0 && t > x.quiet {
		return nil
	}
	next := x.next(t)
	if err := x.once(t, next); err != nil {
		return err
	}
	x.w.plan(next, x.sync)
	return nil
}

// once does what was to be done until now, brings it to the server and takes what
// is there; until is when the device syncs again.
func (x *worker) once(t, until int64) error {
	done := 0
	for done < len(x.todo) && x.todo[done].at < t {
		x.todo[done].do(x, x.todo[done].at, x.todo[done].arg)
		done++
	}
	x.todo = append([]task(nil), x.todo[done:]...)
	if err := x.device.sync(t); err != nil {
		return err
	}
	for p := range x.own {
		room := poolSize - len(x.hood.shared[p])
		x.hood.shared[p] = append(x.hood.shared[p], x.own[p][:min(room, len(x.own[p]))]...)
		x.own[p] = nil
		x.saw[p] = len(x.hood.shared[p])
	}
	return x.open(t, until)
}

// next is when the device syncs next; a day beyond the end if never.
func (x *worker) next(now int64) int64 {
	d := today(now)
	next := moment(d+1+jalali.Day(x.rng.IntN(x.gap)), 16, 30) + int64(x.rng.IntN(5*60))*minuteMS
	if ready := moment(x.w.start+jalali.Day(x.hood.ready), 18, 15); x.role == manager && now < ready && ready < next {
		next = ready
	}
	if x.quiet != 0 && next > x.quiet {
		return x.w.end + day
	}
	return next
}

// made adds a record of one's own to a pool.
func (x *worker) made(pool int, id recordID) recordID {
	x.own[pool] = append(x.own[pool], id)
	return id
}

// knows is how many records of a pool one knows.
func (x *worker) knows(pool int) int { return x.saw[pool] + len(x.own[pool]) }

// known is one of them.
func (x *worker) known(pool, i int) recordID {
	if i < x.saw[pool] {
		return x.hood.shared[pool][i]
	}
	return x.own[pool][i-x.saw[pool]]
}

// one picks one of those known; nil if there are none, which leaves a field empty.
func (x *worker) one(pool int) any {
	if n := x.knows(pool); n > 0 {
		return x.known(pool, x.rng.IntN(n))
	}
	return nil
}

// some picks up to n of those known.
func (x *worker) some(pool, n int) []recordID {
	all := x.knows(pool)
	var ids []recordID
	for _, i := range x.rng.Perm(all)[:min(n, all)] {
		ids = append(ids, x.known(pool, i))
	}
	return ids
}

// says makes a text, in one's own hand.
func (x *worker) says(phrases []string) string { return x.hand.write(x.rng, say(x.rng, phrases)) }

// tells joins some sentences.
func (x *worker) tells(n int, phrases []string) string {
	return x.hand.write(x.rng, several(x.rng, n, phrases))
}

// maybe leaves a field empty except in so many of a hundred.
func maybe(rng *rand.Rand, percent int, value any) any {
	if rng.IntN(100) < percent {
		return value
	}
	return nil
}
