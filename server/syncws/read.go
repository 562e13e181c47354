package syncws

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"mahalleh/syncproto/session"
)

// What somebody may send while it is not known who they are: anybody may connect,
// and many at once.
const (
	// greetingMost bounds a message before the secure channel stands; the longest
	// of the handshake has 97 bytes.
	greetingMost = 128
	// strangerMost bounds a message of somebody who has not proved a key that the
	// server knows. It takes an Enrol, and the longest Hello, with all its scopes,
	// ancestors and unsettled changes, twice: a device that the server has
	// forgotten says Hello, and shall be told.
	strangerMost = 128 << 10
	// messageFree of a message everybody has, enough for an Enrol and for the Hello
	// of a device with three hundred scopes; what is more, before it has arrived
	// whole, comes out of strangersAll, which all strangers share, or devicesAll,
	// which those share whom the server knows: seven hundred full batches under way.
	messageFree  = 16 << 10
	strangersAll = 24 << 20
	devicesAll   = 48 << 20
)

// wasteFree is how many bytes may arrive that are no message's content (headers of
// frames, pings, empty fragments) for each message, beside as many as its content.
// A device pings once in a minute and sends a message in a piece, or in pieces of
// kilobytes.
const wasteFree = 32 << 10

var (
	// errLong says that somebody unknown sends what no device begins with.
	errLong = errors.New("a long message from an unknown sender")
	// errCrowd says that many send much at once, and that this one makes way.
	errCrowd = errors.New("too much is under way at once")
	// errText says that the peer sent text, which no device does.
	errText = errors.New("a text message")
	// errWaste says that hardly anything of what the peer sends is content.
	errWaste = errors.New("a flood of frames with nothing in them")
)

// read hands messages over one by one: while the session is busy, nothing is
// read, and the device has to wait.
func (c *conn) read() {
	c.hear()
	for {
		b, err := c.message()
		if !c.arrived(b, err) {
			break
		}
	}
	c.after(func() { c.reading = false })
}

// arrived hands over what was read, and returns when more may be. From somebody
// unknown that is when the message was looked at, since it says how long the next
// one may be.
func (c *conn) arrived(b []byte, err error) (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.msg != nil && !c.over {
		c.fed.Wait()
	}
	if c.over {
		return false
	}
	if err != nil {
		c.readErr = err
		c.note(failed)
		return false
	}
	c.h.count.framesIn.Add(1)
	c.h.count.bytesIn.Add(int64(len(b)))
	c.msg = b
	c.note(came)
	for stage(c.stage.Load()) != known && (c.msg != nil || c.feeding) && !c.over {
		c.fed.Wait()
	}
	for pause := time.Until(c.until); pause > 0 && !c.over; pause = time.Until(c.until) {
		wake := time.AfterFunc(pause, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.fed.Broadcast()
		})
		c.fed.Wait()
		wake.Stop()
	}
	return !c.over
}

// hear notes that the device is there.
func (c *conn) hear() {
	c.heard.Store(int64(time.Since(c.began)))
	c.ws.SetReadDeadline(time.Now().Add(silence))
}

// message reads the next one. Its buffer grows with what arrives, whatever length
// is announced.
func (c *conn) message() ([]byte, error) {
	at := stage(c.stage.Load())
	c.ws.SetReadLimit([...]int64{greeting: greetingMost, stranger: strangerMost, known: session.MaxSealed}[at])
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, c.blame(at, err)
	}
	if kind != websocket.BinaryMessage {
		return nil, errText
	}
	b := make([]byte, 0, readBuffer)
	under := &part{crowd: c.h.unknown, giveUp: c.makeWay}
	if at == known {
		under.crowd = c.h.devices
	}
	defer under.done()
	for {
		if len(b) == cap(b) {
			more := len(b) // doubles, as long as everybody may
			if len(b) >= messageFree {
				more /= 2
			}
			b = slices.Grow(b, more)
			if held := int64(cap(b)) - messageFree; held > 0 && !under.grow(held) {
				return nil, errCrowd
			}
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		c.hear()
		if under.over.Load() {
			return nil, errCrowd
		}
		c.meter.content += int64(n)
		if err == io.EOF {
			c.meter.arrived, c.meter.content = 0, 0
			return b, nil
		}
		if err != nil {
			return nil, c.blame(at, err)
		}
	}
}

// blame names the error of a message that was too long for a stranger's.
func (c *conn) blame(at stage, err error) error {
	if errors.Is(err, websocket.ErrReadLimit) && at != known {
		return errLong
	}
	return err
}

// meter counts what arrives on a connection, so that what is not content can be
// bounded: gorilla skips pings and empty fragments by itself, as many as come. Only
// the reader uses its counts.
type meter struct {
	net.Conn
	// arrived and content are since the last whole message.
	arrived, content int64
}

func (m *meter) Read(b []byte) (int, error) {
	if m.arrived > wasteFree+2*m.content {
		return 0, errWaste
	}
	n, err := m.Conn.Read(b)
	m.arrived += int64(n)
	return n, err
}

// metered puts a meter into the connection that an upgrade takes over.
type metered struct{ http.ResponseWriter }

// Hijack is that of the writer beneath.
func (w metered) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &meter{Conn: c}, rw, nil
}
