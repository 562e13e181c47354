package session

import (
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// pushing is the device's way up: which changes are under way, and which next.
type pushing struct {
	// head is the last sequence of the own log, oldest the device time of its
	// oldest unsent change.
	head   uint64
	oldest int64
	// logs are those to push: ancestors in their order, the own log last.
	logs []pushLog
	// outbox holds batches read and not yet sent, flights those read and not yet
	// acknowledged, bytes their weight.
	outbox  []wire.Message
	flights []flight
	bytes   int64
	// asked is the batch being read from the store.
	asked *ReadBatch
	// contradicted says that the server spoke of more than the own log has.
	contradicted bool
	// pausedUntil is when pushing goes on after the server asked for a pause.
	pausedUntil int64
	pauseCode   CloseCode
	// told says that the queue was empty when the server last heard of it, proved
	// that it was asked for a receipt of all it has received.
	told, proved bool
}

type pushLog struct {
	log syncproto.LogID
	// next is the next sequence to read, acked what the server holds, head the
	// last one there is.
	next, acked, head uint64
	first             bool
}

type flight struct {
	log      syncproto.LogID
	from, to uint64
	weight   int64
	// again marks changes that the server holds already, pushed for their results.
	again bool
}

// plan decides after a Welcome what is to be pushed.
func (d *Device) plan() {
	d.logs = nil
	for i, a := range d.hello.Ancestors {
		l := pushLog{log: a.Log, head: a.HeadSeq, first: true}
		for _, r := range d.welcome.Ancestors {
			if r.Log == a.Log {
				l.acked = r.Received
			}
		}
		l.next = max(1, min(l.acked+1, d.ancestors[i]))
		d.logs = append(d.logs, l)
	}
	d.logs = append(d.logs, pushLog{log: d.hello.Log, next: d.welcome.Received + 1, acked: d.welcome.Received, head: d.head, first: true})
	d.told = d.hello.Queue == 0
}

func (d *Device) own() *pushLog {
	if len(d.logs) == 0 {
		return nil
	}
	return &d.logs[len(d.logs)-1]
}

func (d *Device) logAt(log syncproto.LogID) int {
	for i := range d.logs {
		if d.logs[i].log == log {
			return i
		}
	}
	return -1
}

// queued notes new changes of the own log.
func (d *Device) queued(ev Queued) {
	if ev.HeadSeq < d.head {
		return
	}
	d.head, d.oldest = ev.HeadSeq, ev.Oldest
	if own := d.own(); own != nil {
		own.head = ev.HeadSeq
	}
}

// unsent counts what the server does not hold yet.
func (d *Device) unsent() uint64 {
	if len(d.logs) == 0 { // not planned yet
		if d.state == deviceWelcoming {
			return d.head - min(d.head, d.welcome.Received)
		}
		return d.hello.Queue + d.head - d.hello.HeadSeq
	}
	n := uint64(0)
	for _, l := range d.logs {
		if l.head > l.acked {
			n += l.head - l.acked
		}
	}
	return n
}

func (d *Device) paused() bool { return d.pausedUntil > d.now }

// pump asks for what can go on now.
func (d *Device) pump() {
	if d.state != deviceWelcoming && d.state != deviceLive {
		return
	}
	d.pumpCredit()
	d.pumpMending()
	if d.state != deviceLive {
		return
	}
	d.pumpPurges()
	if !d.told && d.Sent() {
		d.heartbeat()
	}
	if d.asked != nil || d.paused() || d.bytes >= int64(max(d.welcome.Credit, 1)) || len(d.flights) >= maxFlights {
		return
	}
	for i := range d.logs {
		l := &d.logs[i]
		if l.next > l.head {
			continue
		}
		if l.next <= l.acked && len(d.flights) > 0 {
			return // one at a time, since acknowledgements say nothing new of these
		}
		d.asked = &ReadBatch{Log: l.log, From: l.next, MaxBytes: batchBytes, First: l.first}
		d.do(*d.asked)
		return
	}
}

func (d *Device) batchRead(ev BatchRead) {
	asked := d.asked
	if asked == nil || d.state != deviceLive {
		return
	}
	d.asked = nil
	i := d.logAt(asked.Log)
	l := &d.logs[i]
	if ev.Log != asked.Log || ev.From != asked.From || ev.To < ev.From || ev.To > l.head ||
		len(ev.Batch) > syncproto.MaxFrame || ev.Batch == nil && ev.Head == (syncproto.Hash{}) {
		d.close(Close{Code: CloseLocal, Detail: "the store read another batch than was asked for"})
		return
	}
	var m wire.Message
	f := flight{log: ev.Log, from: ev.From, to: ev.To, weight: int64(len(ev.Batch)) + 64, again: ev.To <= l.acked}
	if ev.Batch == nil {
		m = &wire.Gap{Log: ev.Log, From: ev.From, To: ev.To, Head: ev.Head}
	} else {
		m = &wire.Push{Batch: ev.Batch}
		l.first = false
	}
	l.next = ev.To + 1
	d.outbox = append(d.outbox, m)
	d.flights = append(d.flights, f)
	d.bytes += f.weight
}

// ack takes what the server committed.
func (d *Device) ack(m *wire.Ack) {
	log := d.logOr(m.Log)
	if log != d.hello.Log && d.ancestor(log) < 0 {
		d.broken("acknowledgement of a log that was not named")
		return
	}
	if !d.received(log, m.Received, true) {
		return
	}
	if len(m.Results) > 0 || m.Received > 0 {
		d.do(CommitResults{Log: log, Received: m.Received, Results: m.Results})
	}
}

func (d *Device) ancestor(log syncproto.LogID) int {
	for i, a := range d.hello.Ancestors {
		if a.Log == log {
			return i
		}
	}
	return -1
}

// received notes how far the server holds a log. It returns false if that
// contradicts the log, which then forks.
func (d *Device) received(log syncproto.LogID, seq uint64, ack bool) bool {
	if log == d.hello.Log && seq > d.head {
		// Somebody else wrote this log since Welcome.
		d.contradicted = true
		if d.state == deviceLive {
			d.fork(log, seq)
		}
		return false
	}
	i := d.logAt(log)
	if i < 0 {
		return true // not planned yet
	}
	l := &d.logs[i]
	d.proved = d.proved && seq <= l.acked
	l.acked = max(l.acked, seq)
	kept := d.flights[:0]
	for _, f := range d.flights {
		if f.log == log && f.to <= l.acked && (!f.again || ack) {
			d.bytes -= f.weight
			continue
		}
		kept = append(kept, f)
	}
	d.flights = kept
	return true
}

// prove asks for a receipt of what was received since the last one was asked for.
func (d *Device) prove() {
	if d.Sent() && !d.proved {
		d.heartbeat()
	}
}

// pause stops pushing for a while; what was under way is pushed again.
func (d *Device) pause(code CloseCode, after int64) {
	d.pauseCode, d.pausedUntil = code, d.now+after
	for _, f := range d.flights {
		if planted.Bug("after a pause pushing goes on where it stood") {
			break
		}
		l := &d.logs[d.logAt(f.log)]
		l.next = min(l.next, f.from)
	}
	d.outbox, d.flights, d.bytes = nil, nil, 0
	if d.asked != nil {
		d.asked = nil
		d.stale[askBatch] = d.waiting[askBatch]
	}
	for i := range d.logs {
		d.logs[i].first = true
	}
}
