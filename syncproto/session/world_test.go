package session

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// world is a server, its devices, and the connections between them, played
// step by step from one seed.
type world struct {
	t       *testing.T
	rnd     *rand.Rand
	now     int64
	server  *fakeServer
	devices []*phone
	ids     uint64
	// faults allows the network and the stores to fail.
	faults bool
	trace  []string
}

// phone is a device with its store and, perhaps, a connection.
type phone struct {
	store  *fakeDevice
	link   *pipe
	enrol  bool
	closed Close // the last end of a connection
}

// pipe is one connection: both machines, what is under way, and the effects
// not carried out yet.
type pipe struct {
	device    *Device
	server    *Server
	desk      *fakeDesk
	up, down  []wire.Message
	devEff    []DeviceEffect
	srvEff    []ServerEffect
	subscribe []syncproto.ScopeID
	upBytes   int
	downBytes int
	ended     bool
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), now: 1_700_000_000_000}
	w.server = newFakeServer(&w.now)
	return w
}

func (w *world) id() (id [16]byte) {
	w.ids++
	h := syncproto.IDOf([]byte(fmt.Sprint("id", w.ids)))
	return h
}

func (w *world) logf(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) addDevice(scopes ...syncproto.ScopeID) *phone {
	p := &phone{store: newFakeDevice(w.id(), func() syncproto.LogID { return w.id() })}
	w.server.grants[p.store.id] = map[syncproto.ScopeID]bool{}
	for _, s := range scopes {
		w.server.grants[p.store.id][s] = true
	}
	w.devices = append(w.devices, p)
	return p
}

// save records a change on a device, of a new record or an old one.
func (w *world) save(p *phone, scope syncproto.ScopeID, record syncproto.RecordID) fakeChange {
	c := fakeChange{id: w.id(), record: record, scope: scope}
	p.store.save(c)
	w.queued(p)
	return c
}

func (w *world) queued(p *phone) {
	if p.link != nil {
		w.deviceStep(p, Queued{HeadSeq: p.store.head(), Oldest: w.now})
	}
}

func (w *world) connect(p *phone) {
	if p.link != nil {
		return
	}
	p.link = &pipe{device: NewDevice(DeviceConfig{Window: 4096, App: "test"}), server: NewServer(), desk: &fakeDesk{s: w.server}}
	var noise [32]byte
	copy(noise[:], p.store.id[:])
	w.serverStep(p, ServerConnected{Noise: noise, Handshake: []byte("binding")})
	w.deviceStep(p, DeviceConnected{Handshake: []byte("binding"), Enrol: p.enrol})
}

func (w *world) deviceStep(p *phone, ev DeviceEvent) {
	l := p.link
	for _, e := range l.device.Step(w.now, ev) {
		if c, ok := e.(Close); ok {
			w.logf("device closes %+v", c)
			p.closed = c
			l.ended = true
			continue
		}
		if a, ok := e.(Alarm); ok {
			w.logf("alarm %+v", a)
			continue
		}
		l.devEff = append(l.devEff, e)
	}
}

func (w *world) serverStep(p *phone, ev ServerEvent) {
	l := p.link
	w.serverEffects(p, l.server.Step(w.now, ev))
}

func (w *world) serverEffects(p *phone, effects []ServerEffect) {
	l := p.link
	for _, e := range effects {
		switch e := e.(type) {
		case Close:
			w.logf("server closes %+v", e)
			l.ended = true
		case Subscribe:
			l.subscribe = e.Scopes
		default:
			l.srvEff = append(l.srvEff, e)
		}
	}
}

// carry encodes and decodes a message, as the link would.
func (w *world) carry(m wire.Message) (wire.Message, int) {
	b := wire.AppendMessage(nil, m)
	out, err := wire.DecodeMessage(m.Type(), bytes.Clone(b))
	if err != nil {
		w.t.Fatalf("message %T does not come back: %v", m, err)
	}
	return out, len(b)
}

// The moves of a connection; each returns false if there was nothing to do.

func (w *world) deviceSpeaks(p *phone) bool {
	l := p.link
	m, effects := l.device.Next(w.now)
	l.devEff = append(l.devEff, effects...)
	if m == nil {
		return false
	}
	m, n := w.carry(m)
	l.upBytes += n
	l.up = append(l.up, m)
	return true
}

func (w *world) serverSpeaks(p *phone) bool {
	l := p.link
	m, effects := l.server.Next(w.now)
	w.serverEffects(p, effects)
	if m == nil {
		return false
	}
	if weight(m) > max(syncproto.MaxPage, 32*maxCompared)+4096 {
		w.t.Errorf("a message of weight %d", weight(m))
	}
	m, n := w.carry(m)
	l.downBytes += n
	l.down = append(l.down, m)
	return true
}

func (w *world) deviceHears(p *phone) bool {
	l := p.link
	if len(l.down) == 0 {
		return false
	}
	m := l.down[0]
	l.down = l.down[1:]
	w.logf("%s/%s hears %s", p.store.id.String()[:4], p.store.log.String()[:3], brief(m))
	w.deviceStep(p, Received{m})
	return true
}

func (w *world) serverHears(p *phone) bool {
	l := p.link
	if len(l.up) == 0 {
		return false
	}
	m := l.up[0]
	l.up = l.up[1:]
	w.logf("server hears %T from %s", m, p.store.id.String()[:4])
	w.serverStep(p, Received{m})
	return true
}

func (w *world) deviceActs(p *phone) bool {
	l := p.link
	if len(l.devEff) == 0 {
		return false
	}
	e := l.devEff[0]
	l.devEff = l.devEff[1:]
	w.logf("%s/%s does %T", p.store.id.String()[:4], p.store.log.String()[:3], e)
	if w.faults && w.rnd.IntN(200) == 0 {
		l.devEff = nil // what came later built on this
		w.deviceStep(p, Failed{Effect: e, Full: w.rnd.IntN(2) == 0})
		return true
	}
	if ev := p.store.do(e); ev != nil {
		if w.rnd.IntN(4) == 0 && ev != nil {
			// The driver may tell of a new change at any time.
			w.queued(p)
		}
		w.deviceStep(p, ev)
	}
	if p.store.violation != "" {
		w.fail(p.store.violation)
	}
	return true
}

func (w *world) serverActs(p *phone) bool {
	l := p.link
	if len(l.srvEff) == 0 {
		return false
	}
	e := l.srvEff[0]
	l.srvEff = l.srvEff[1:]
	w.logf("server does %T for %s", e, p.store.id.String()[:4])
	if w.faults && w.rnd.IntN(200) == 0 {
		l.srvEff = nil
		w.serverStep(p, Failed{Effect: e})
		return true
	}
	before := map[syncproto.ScopeID]uint64{}
	for id, sc := range w.server.scopes {
		before[id] = sc.pos
	}
	if ev := l.desk.do(e); ev != nil {
		w.serverStep(p, ev)
	}
	w.announce(before)
	return true
}

// announce wakes the sessions whose scopes moved, if nothing goes wrong.
func (w *world) announce(before map[syncproto.ScopeID]uint64) {
	var moved []syncproto.ScopeID
	for id, sc := range w.server.scopes {
		if sc.pos != before[id] {
			moved = append(moved, id)
		}
	}
	slices.SortFunc(moved, func(a, b syncproto.ScopeID) int { return bytes.Compare(a[:], b[:]) })
	if len(moved) == 0 {
		return
	}
	for _, q := range w.devices {
		if q.link == nil || q.link.ended || w.faults && w.rnd.IntN(10) == 0 {
			continue
		}
		for _, id := range moved {
			if slices.Contains(q.link.subscribe, id) {
				w.serverStep(q, Moved{Scopes: []syncproto.ScopeID{id}})
			}
		}
	}
}

// cut ends a connection; what the stores were asked for is done in part.
func (w *world) cut(p *phone) {
	l := p.link
	if l == nil {
		return
	}
	for n := w.rnd.IntN(len(l.devEff) + 1); n > 0; n-- {
		p.store.do(l.devEff[0])
		l.devEff = l.devEff[1:]
	}
	before := map[syncproto.ScopeID]uint64{}
	for id, sc := range w.server.scopes {
		before[id] = sc.pos
	}
	for n := w.rnd.IntN(len(l.srvEff) + 1); n > 0; n-- {
		l.desk.do(l.srvEff[0])
		l.srvEff = l.srvEff[1:]
	}
	w.logf("cut %s", p.store.id.String()[:4])
	p.link = nil
	w.announce(before)
}

// ending finishes a connection that one machine closed: its last messages
// arrive, or not.
func (w *world) ending(p *phone) {
	for range 64 {
		busy := w.serverSpeaks(p)
		busy = w.deviceHears(p) || busy
		busy = w.deviceSpeaks(p) || busy
		busy = w.serverHears(p) || busy
		if !busy {
			break
		}
	}
	w.deviceStep(p, Disconnected{})
	w.serverStep(p, Disconnected{})
	// What was asked for before Close is still done.
	for _, e := range p.link.devEff {
		p.store.do(e)
	}
	p.link.devEff = nil
	w.cut(p)
}

func (w *world) step(p *phone, kind int) bool {
	if p.link == nil {
		return false
	}
	if p.link.ended {
		w.ending(p)
		return true
	}
	switch kind {
	case 0:
		return w.deviceSpeaks(p)
	case 1:
		return w.serverSpeaks(p)
	case 2:
		return w.deviceHears(p)
	case 3:
		return w.serverHears(p)
	case 4:
		return w.deviceActs(p)
	default:
		return w.serverActs(p)
	}
}

// settle plays without faults until nothing more happens.
func (w *world) settle() {
	w.faults = false
	for round := 0; ; round++ {
		if round > 200_000 {
			w.fail("does not come to rest")
		}
		busy := false
		for _, p := range w.devices {
			for kind := range 6 {
				busy = w.step(p, kind) || busy
			}
		}
		if !busy {
			break
		}
	}
	for _, p := range w.devices {
		if p.link == nil {
			continue
		}
		if err := p.link.device.Idle(); err != nil {
			w.fail("device " + p.store.id.String()[:4] + ": " + err.Error())
		}
		if err := p.link.server.Idle(); err != nil {
			w.fail("server for " + p.store.id.String()[:4] + ": " + err.Error())
		}
	}
}

// heal connects everybody until all is said, and checks the laws.
func (w *world) heal() {
	w.server.full = false
	w.logf("heal")
	for _, p := range w.devices {
		p.closed = Close{} // also whoever was told that it is revoked tries once more
		w.cut(p)           // sums are compared at every contact
	}
	for range 12 {
		for _, p := range w.devices {
			if p.closed.Code != CloseRevoked || p.closed.RetryAfter > 0 {
				w.connect(p)
			}
		}
		w.settle()
		w.now += pollEvery // a lost wake-up is made up for
		for _, p := range w.devices {
			if p.link != nil {
				w.deviceStep(p, Tick{})
				w.serverStep(p, Tick{})
			}
		}
		w.settle()
	}
	w.laws()
}

func (w *world) fail(what string) {
	w.t.Helper()
	n := max(0, len(w.trace)-200)
	for _, l := range w.trace[n:] {
		if len(l) > 300 {
			l = l[:300]
		}
		w.t.Log(l)
	}
	w.t.Fatal(what)
}

// laws checks what must hold when everybody is connected and nothing is under way.
func (w *world) laws() {
	w.t.Helper()
	for _, p := range w.devices {
		d := p.store
		name := "device " + d.id.String()[:4] + ": "
		for seq := uint64(1); seq <= d.head(); seq++ {
			c := d.entries[seq-1]
			if d.lost[seq] {
				continue
			}
			if _, ok := w.server.results[c.id]; !ok {
				w.fail(fmt.Sprintf("%schange %d of %d is not at the server", name, seq, d.head()))
			}
			if d.results[c.id].Outcome == 0 && seq > d.base {
				w.fail(fmt.Sprintf("%schange %d of %d has no result", name, seq, d.head()))
			}
		}
		if d.acked != d.head() {
			w.fail(fmt.Sprintf("%sacknowledged %d of %d", name, d.acked, d.head()))
		}
		granted := w.server.grants[d.id]
		if w.server.revoked[d.id] {
			granted = nil
			if p.closed.Code != CloseRevoked {
				w.fail(name + "is revoked and was not told")
			}
		} else if p.link == nil || !p.link.device.Caught() || !p.link.device.Sent() {
			w.fail(fmt.Sprintf("%sis not up to date: %+v, %+v", name, p.closed, p.link.where()))
		}
		for id := range d.shadow {
			if !granted[id] {
				w.fail(name + "holds a scope that is not granted")
			}
		}
		for _, id := range sortedScopes(granted) {
			there := w.server.scope(id)
			if len(there.records) != len(d.shadow[id]) {
				w.fail(fmt.Sprintf("%s%d records, the server has %d", name, len(d.shadow[id]), len(there.records)))
			}
			for r, rec := range there.records {
				if !bytes.Equal(rec.bytes(), d.shadow[id][r]) {
					w.fail(name + "has another state of a record")
				}
			}
			if d.cursors[id].Position != there.pos {
				w.fail(fmt.Sprintf("%scursor at %d, the head is %d", name, d.cursors[id].Position, there.pos))
			}
		}
	}
}

func anyRecord(rnd *rand.Rand, d *fakeDevice, scope syncproto.ScopeID) (syncproto.RecordID, bool) {
	keys := slices.SortedFunc(maps.Keys(d.shadow[scope]), func(a, b syncproto.RecordID) int { return bytes.Compare(a[:], b[:]) })
	if len(keys) == 0 {
		return syncproto.RecordID{}, false
	}
	return keys[rnd.IntN(len(keys))], true
}

func (l *pipe) where() string {
	if l == nil {
		return "not connected"
	}
	d := l.device
	return fmt.Sprintf("state %d, synced %v, open %d, differing %d, mending %+v, unsent %d, under way %d", d.state, d.synced, len(d.taken), len(d.queue), d.mend, d.unsent(), len(d.flights))
}

// brief is a message in a trace.
func brief(m wire.Message) string {
	switch m := m.(type) {
	case *wire.Ack:
		return fmt.Sprintf("Ack of %.3s to %d, %d results", m.Log, m.Received, len(m.Results))
	case *wire.Page:
		return fmt.Sprintf("Page of %.3s %d-%d", m.Scope, m.From, m.To)
	case *wire.Caught:
		s := fmt.Sprintf("Caught to %d, %d results", m.Received, len(m.Results))
		for i := range m.Pages {
			s += fmt.Sprintf(", %.3s %d-%d", m.Pages[i].Scope, m.Pages[i].From, m.Pages[i].To)
		}
		for _, h := range m.Heads {
			s += fmt.Sprintf(", %.3s at %d", h.Scope, h.Position)
		}
		return s
	case *wire.Welcome:
		return fmt.Sprintf("Welcome received %d, fork %v, %d grants", m.Received, m.Fork, len(m.Grants))
	}
	return fmt.Sprintf("%T", m)
}
