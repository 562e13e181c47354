package syncws

import (
	"sync"

	"mahalleh/server/hub"
	"mahalleh/syncproto"
)

// registry knows which session is interested in what.
type registry struct {
	mu      sync.Mutex
	all     map[*conn]bool
	scopes  map[syncproto.ScopeID]map[*conn]bool
	logs    map[syncproto.LogID]map[*conn]bool
	devices map[syncproto.DeviceID]*conn
	// taken counts the connections that stand or are being upgraded; running
	// waits for them. It only grows before stopped.
	taken   int
	running sync.WaitGroup
	stopped bool
}

func newRegistry() *registry {
	return &registry{all: map[*conn]bool{}, scopes: map[syncproto.ScopeID]map[*conn]bool{},
		logs: map[syncproto.LogID]map[*conn]bool{}, devices: map[syncproto.DeviceID]*conn{}}
}

// reserve takes a place for a connection that is to be upgraded, unless all are
// taken or the handler stops.
func (r *registry) reserve(places int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.taken >= places {
		return false
	}
	r.taken++
	r.running.Add(1)
	return true
}

// release gives the place of a connection back that is over, or did not come
// about.
func (r *registry) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken--
	r.running.Done()
}

// add puts a connection into its place, unless the handler stops.
func (r *registry) add(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	r.all[c] = true
	return true
}

func (r *registry) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken
}

// stop lets nobody in any more, and returns who is there.
func (r *registry) stop() []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	all := make([]*conn, 0, len(r.all))
	for c := range r.all {
		all = append(all, c)
	}
	return all
}

// remove forgets a connection, and says whether it never learned whose it is.
func (r *registry) remove(c *conn) (unknown bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, c)
	r.forget(c)
	if r.devices[c.device] == c {
		delete(r.devices, c.device)
	}
	return c.device.IsZero()
}

// forget takes a connection's interests out; mu is held.
func (r *registry) forget(c *conn) {
	for scope := range c.scopes {
		if set := r.scopes[scope]; set != nil {
			if delete(set, c); len(set) == 0 {
				delete(r.scopes, scope)
			}
		}
	}
	for _, log := range c.logs {
		if set := r.logs[log]; set != nil {
			if delete(set, c); len(set) == 0 {
				delete(r.logs, log)
			}
		}
	}
	c.scopes, c.logs = nil, nil
}

// interested sets what a connection is woken for.
func (r *registry) interested(c *conn, scopes map[syncproto.ScopeID]bool, logs []syncproto.LogID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(c)
	c.scopes, c.logs = scopes, logs
	for scope := range scopes {
		if r.scopes[scope] == nil {
			r.scopes[scope] = map[*conn]bool{}
		}
		r.scopes[scope][c] = true
	}
	for _, log := range logs {
		if r.logs[log] == nil {
			r.logs[log] = map[*conn]bool{}
		}
		r.logs[log][c] = true
	}
}

// known notes whom a connection is with, and returns the older one with the
// same device, if there is one.
func (r *registry) known(c *conn, device syncproto.DeviceID) (older *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	older = r.devices[device]
	c.device = device
	r.devices[device] = c
	return older
}

// tell hands an event to those whom it concerns. It is called by the hub and
// only leaves notes.
func (r *registry) tell(e hub.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Access {
		for c := range r.all {
			c.post(func(m *hub.Event) { m.Access = true })
		}
	}
	for scope, head := range e.Scopes {
		for c := range r.scopes[scope] {
			c.post(func(m *hub.Event) {
				if m.Scopes == nil {
					m.Scopes = map[syncproto.ScopeID]uint64{}
				}
				m.Scopes[scope] = max(m.Scopes[scope], head)
			})
		}
	}
	for scope := range e.Acts {
		for c := range r.scopes[scope] {
			c.post(func(m *hub.Event) { m.Acts = with(m.Acts, scope) })
		}
	}
	for device := range e.Devices {
		if c := r.devices[device]; c != nil {
			c.post(func(m *hub.Event) { m.Devices = with(m.Devices, device) })
		}
	}
	for log := range e.Backups {
		for c := range r.logs[log] {
			c.post(func(m *hub.Event) { m.Backups = with(m.Backups, log) })
		}
	}
}

func with[K comparable](set map[K]bool, k K) map[K]bool {
	if set == nil {
		set = map[K]bool{}
	}
	set[k] = true
	return set
}
