package syncws

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

// Path is where the handler answers.
const Path = "/sync"

// Buffers of one connection: what rests is small, and writers share.
const (
	readBuffer  = 512
	writeBuffer = 8 << 10
)

// upgradeWithin bounds writing the answer to an upgrade.
const upgradeWithin = 10 * time.Second

// Handler turns upgrade requests into sessions. Make it with New, end it with
// Shutdown. It is safe for concurrent use.
type Handler struct {
	s        Surroundings
	log      *slog.Logger
	gate     *gate
	upgrader websocket.Upgrader
	sessions *registry
	count    counters
	guests   *guests
	queues   *queues
	// unknown and devices hold what long messages take that are under way, of
	// strangers and of devices that the server knows.
	unknown, devices *crowd
	touches          touches
	hands            *hands

	// ctx is that of all sessions; it ends when Shutdown loses patience.
	ctx    context.Context
	cancel context.CancelFunc
	// unsubscribe ends the hub's events.
	unsubscribe func()
}

// New makes a handler and begins to follow the hub. Surroundings.Clock is asked
// at the beginning of a session and moved on by the time that passes.
func New(s Surroundings, l Limits) *Handler {
	h := &Handler{s: s, log: s.Log, gate: newGate(l, time.Now()), sessions: newRegistry(), guests: newGuests(l, time.Now()), queues: newQueues(),
		unknown: newCrowd(strangersAll), devices: newCrowd(devicesAll),
		upgrader: websocket.Upgrader{
			HandshakeTimeout: upgradeWithin,
			ReadBufferSize:   readBuffer,
			WriteBufferSize:  writeBuffer,
			WriteBufferPool:  new(sync.Pool),
			Subprotocols:     []string{session.Subprotocol},
			// Compression stays off: frames are sealed, so nothing is left to gain.
		}}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.s.Log = h.log
	h.touches.hub, h.touches.log = s.Hub, h.log
	h.s.Do = h.touches.do
	h.upgrader.Error = func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		h.count.rejected.Add(1)
		http.Error(w, reason.Error(), status)
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.hands = newHands(h.ctx)
	h.unsubscribe = s.Hub.Subscribe(h.sessions.tell)
	return h
}

// ServeHTTP upgrades the connection and returns; the session goes on by itself.
// A request that is no device's gets 400 to 426, a device for which there is no
// room 503 with Retry-After. An Origin must be absent, as it is from a device,
// or the server's own.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path {
		h.count.rejected.Add(1)
		http.NotFound(w, r)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		h.count.rejected.Add(1)
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "devices speak "+session.Subprotocol+" here", http.StatusUpgradeRequired)
		return
	}
	if !slices.Contains(websocket.Subprotocols(r), session.Subprotocol) {
		h.count.rejected.Add(1)
		http.Error(w, "only "+session.Subprotocol+" is spoken here", http.StatusBadRequest)
		return
	}
	if !h.sessions.reserve(h.gate.limits.Sessions) {
		h.turnAway(w, h.gate.later(time.Now()))
		return
	}
	from := originOf(r.RemoteAddr)
	if after, ok := h.gate.admit(from, time.Now()); !ok {
		h.sessions.release()
		h.turnAway(w, after)
		return
	}
	ws, err := h.upgrader.Upgrade(metered{w}, r, nil)
	if err != nil {
		h.gate.known(from)
		h.sessions.release()
		h.log.Debug("a connection was not upgraded", "peer", r.RemoteAddr, "err", err)
		return
	}
	h.begin(newConn(h, ws, r.RemoteAddr, from))
}

// turnAway asks a device to come back, before anything costly is done for it.
func (h *Handler) turnAway(w http.ResponseWriter, after time.Duration) {
	h.count.busy.Add(1)
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	http.Error(w, "busy", http.StatusServiceUnavailable)
}

// begin starts a connection's session, unless the handler stops. The goroutine that
// calls has a stack that net/http has grown, and ends when ServeHTTP returns.
func (h *Handler) begin(c *conn) {
	if !h.sessions.add(c) {
		c.timer.Stop()
		c.ws.Close()
		h.gate.known(c.from)
		h.sessions.release()
		return
	}
	h.count.opened.Add(1)
	go c.read()
}

// left takes leave of a connection that nobody works for any more.
func (h *Handler) left(c *conn) {
	if h.sessions.remove(c) {
		h.gate.known(c.from)
	}
	if c.v.Proved() {
		h.guests.leaves(c.v.Device(), c.v.ahead(), time.Now())
	}
	c.report()
	h.sessions.release()
}

// Shutdown asks every device to leave and to come back, each at another
// moment, and waits until they have left. When ctx ends first, the rest is cut
// off, and the error is ctx's. No session is running afterwards.
func (h *Handler) Shutdown(ctx context.Context) error {
	for _, c := range h.sessions.stop() {
		c.shed(h.gate.later(time.Now()))
	}
	gone := make(chan struct{})
	go func() {
		h.sessions.running.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = fmt.Errorf("stop sessions: %w", ctx.Err())
		h.cancel()
		for _, c := range h.sessions.stop() {
			c.happen(aborted)
		}
		<-gone
	}
	h.cancel()
	h.unsubscribe()
	h.touches.write()
	return err
}
