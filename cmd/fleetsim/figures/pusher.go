package figures

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"mahalleh/client-sdk/wsdial"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// pusher is a device that only speaks: its batches are signed before the clock
// starts, and what the server tells is read and counted, not stored. To the
// server it is a device like any other, with credit for pages.
type pusher struct {
	fleet  *fleet
	number uint64
	person syncproto.PersonID
	place  syncproto.PlaceID
	scope  syncproto.ScopeID
	noise  session.KeyPair
	cert   *wire.LogCert
	key    ed25519.PrivateKey
	random randomBytes

	// What was made: the log's last sequence and hash, and what the server was
	// told of it.
	seq    uint64
	head   syncproto.Hash
	sealer *wire.BatchSealer

	pipe *wsdial.Pipe
	link *session.Link
	// window is how many bytes of batches may be under way.
	window uint64
	// cursors are what it says it holds of scopes, and how far it was told of them
	// since; of others it says that it holds nothing.
	cursors []wire.Cursor
	// received is what the server says it has, results what it said of changes.
	received uint64
	results  map[syncproto.Outcome]int
}

// push is a signed batch.
type push struct {
	batch []byte
	last  uint64
	n     int
}

// connect opens a session and waits until the device has caught up.
func (p *pusher) connect(ctx context.Context) error {
	if err := p.dial(ctx); err != nil {
		return fmt.Errorf("device %d connects: %w", p.number, err)
	}
	return p.greet()
}

// greet greets the server that it is connected to and waits until the device has
// caught up.
func (p *pusher) greet() error {
	hello := &wire.Hello{ProtoMin: session.ProtoMin, ProtoMax: session.ProtoMax, Device: p.cert.Device(), Cert: wire.AppendLogCert(nil, p.cert),
		Log: p.cert.Log, HeadSeq: p.seq, Head: p.head, Credit: session.MaxWindow, DeviceTime: time.Now().UnixMilli(), App: "fleetsim", ResultsFrom: 1, Cursors: p.cursors,
		Dictionaries: p.fleet.codec.Dictionaries()}
	if err := p.send(hello); err != nil {
		return err
	}
	p.sealer.PeerKnowsCert()
	for {
		m, err := p.receive()
		if err != nil {
			return err
		}
		if _, caught := m.(*wire.Caught); caught {
			return nil
		}
	}
}

func (p *pusher) dial(ctx context.Context) error {
	d := wsdial.Dialer{Addresses: []string{"http://" + p.fleet.server.address}}
	pipe, err := d.Dial(ctx)
	if err != nil {
		return err
	}
	p.pipe, p.results = pipe, map[syncproto.Outcome]int{}
	channel := session.DeviceChannel(p.noise, p.fleet.keys, nil, rand.Reader)
	p.link = session.NewLink(channel, p.fleet.codec)
	first, err := p.link.Start()
	for err == nil {
		if first != nil {
			err = pipe.Send(first)
		}
		if err != nil || channel.Established() {
			return err
		}
		var b []byte
		if b, err = pipe.Receive(); err == nil {
			first, _, err = p.link.Receive(b)
		}
	}
	return err
}

func (p *pusher) send(m wire.Message) error {
	b, err := p.link.Send(m)
	if err != nil {
		return err
	}
	if err := p.pipe.Send(b); err != nil {
		return fmt.Errorf("device %d: %w", p.number, err)
	}
	return nil
}

// receive takes the server's next message and counts what it says.
func (p *pusher) receive() (wire.Message, error) {
	b, err := p.pipe.Receive()
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", p.number, err)
	}
	_, m, err := p.link.Receive(b)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", p.number, err)
	}
	switch m := m.(type) {
	case *wire.Welcome:
		if m.Fork {
			return nil, fmt.Errorf("device %d: the server takes it for a copy", p.number)
		}
		p.window = uint64(m.Credit)
	case *wire.Ack:
		p.hear(m.Received, m.Results)
	case *wire.Page:
		p.hear(m.Received, m.Results)
	case *wire.Caught:
		p.hear(m.Received, m.Results)
		for i := range p.cursors {
			c := &p.cursors[i]
			if at := slices.IndexFunc(m.Heads, func(h wire.Head) bool { return h.Scope == c.Scope }); at >= 0 {
				c.Era, c.Position, c.Sum = m.Era, m.Heads[at].Position, m.Heads[at].Sum
			}
		}
	case *wire.Refuse:
		return nil, fmt.Errorf("device %d is refused: %s %s", p.number, m.Key, m.Detail)
	case *wire.Bye:
		return nil, fmt.Errorf("device %d: the server ends the session: %s", p.number, m.Text)
	}
	return m, nil
}

func (p *pusher) hear(received uint64, results []syncproto.Result) {
	p.received = max(p.received, received)
	for i := range results {
		p.results[results[i].Outcome]++
	}
}

// deliver pushes batches, at most flights of them and the session's window
// under way, and returns for each how long it took from sending to its
// acknowledgement.
func (p *pusher) deliver(batches []push, flights int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, len(batches))
	sent := make([]time.Time, len(batches))
	next, bytes := 0, uint64(0)
	for done := 0; done < len(batches); {
		for next < len(batches) && next-done < flights && (next == done || bytes < p.window) {
			sent[next] = time.Now()
			if err := p.send(&wire.Push{Batch: batches[next].batch}); err != nil {
				return nil, err
			}
			bytes += uint64(len(batches[next].batch))
			next++
		}
		if _, err := p.receive(); err != nil {
			return nil, err
		}
		for done < next && batches[done].last <= p.received {
			took = append(took, time.Since(sent[done]))
			bytes -= uint64(len(batches[done].batch))
			done++
		}
	}
	return took, nil
}

// hangUp ends the session, if there is one.
func (p *pusher) hangUp() error {
	if p.pipe == nil {
		return nil
	}
	err := errors.Join(p.send(&wire.Bye{}), p.pipe.Close())
	p.pipe = nil
	return err
}
