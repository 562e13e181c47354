package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// errLetIn says that the server let something pass that it must not.
var errLetIn = errors.New("the server let it pass")

// insideAttacks are those of devices that the server knows, in its own protocol.
func insideAttacks() []Attack {
	return []Attack{
		// What this one leaves behind shall not cost those who come after.
		{Name: "no-grant", writers: true, once: noGrant},
		{Name: "bombs", once: bomb},
		{Name: "disorder", once: disorder},
		{Name: "odd-frames", once: oddFrames},
		{Name: "swapped-ids", once: swapped},
		{Name: "others-logs", once: othersLog},
		{Name: "no-credit", insiders: true, once: noCredit},
		{Name: "never-reads", insiders: true, once: neverReads},
		{Name: "lies", once: lies},
	}
}

// disorder says what belongs elsewhere in a conversation, or to the other side.
func disorder(ctx context.Context, h *hand) error {
	wrong := [][]wire.Message{
		{&wire.Status{DeviceTime: 1}}, {&wire.Push{Batch: []byte{1}}}, {&wire.Credit{Bytes: 1}},
		{h.hello(), &wire.Welcome{Proto: 1}}, {h.hello(), &wire.Ack{Received: 9}},
		{h.hello(), &wire.Want{Scope: syncproto.ScopeID{1}, Records: []syncproto.RecordID{{1}}}}, {h.hello(), &wire.Gap{}},
	}
	l, err := h.secure(ctx, h.Noise)
	if err != nil {
		return err
	}
	return l.cut(ctx, func() error {
		for _, m := range wrong[h.serial%len(wrong)] {
			if err := l.send(m); err != nil {
				return err
			}
		}
		return nil
	})
}

// oddFrames are sealed and no messages, or not as messages are written.
func oddFrames(ctx context.Context, h *hand) error {
	status, err := h.codec.AppendFrame(nil, &wire.Status{DeviceTime: 1})
	if err != nil {
		return err
	}
	odd := [][]byte{
		{200, 0, 1}, append([]byte{status[0] | 0x80, 0}, status[1:]...), {status[0], 77, 1}, status[:1],
		append(bytes.Clone(status), 0), status[:len(status)-1], make([]byte, 1000), bytes.Repeat([]byte{0xff}, syncproto.MaxFrame),
	}
	l, err := h.known(ctx, h.hello())
	if err != nil {
		return err
	}
	return l.cut(ctx, func() error { return l.sendFrame(odd[h.serial%len(odd)]) })
}

// swapped says the id, the certificate or the log of another device.
func swapped(ctx context.Context, h *hand) error {
	l, err := h.secure(ctx, h.Noise)
	if err != nil {
		return err
	}
	m := h.hello()
	switch h.serial % 4 {
	case 0:
		m.Device = h.victim.Cert.Device()
	case 1:
		m.Cert = wire.AppendLogCert(nil, h.victim.Cert)
	case 2:
		m.Cert, m.Log = wire.AppendLogCert(nil, h.victim.Cert), h.victim.Cert.Log
	case 3:
		claim := h.claim()
		m.Cert, m.Log = wire.AppendLogCert(nil, claim), claim.Log
	}
	return l.cut(ctx, func() error { return l.send(m) })
}

// claim is a certificate of the victim's log with the hand's own keys.
func (h *hand) claim() *wire.LogCert {
	cert := wire.SignLogCert(wire.LogCert{Log: h.victim.Cert.Log, LogKey: h.Cert.LogKey, Serial: 1, Created: 1}, h.Key)
	cert.Log = h.victim.Cert.Log // signing made it one of their own log
	return cert
}

// change is a new change of the hand's device that the server will not apply.
func (h *hand) change(seq uint64, scope syncproto.ScopeID) (*syncproto.Change, error) {
	var secret [16]byte
	var record syncproto.RecordID
	rand.Read(secret[:])
	rand.Read(record[:])
	return wire.NewChange(syncproto.Header{Verb: syncproto.VerbCreate, Record: record, Form: 1, Package: 1, Scope: scope, OriginLog: h.Cert.Log, OriginSeq: seq,
		Author: h.Person, Role: 5, Time: time.Now().UnixMilli()}, secret,
		[]syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: syncproto.FieldPresence, Value: syncproto.Bool(true)}})
}

// othersLog brings a batch of another's log, under the other's certificate or one
// of its own.
func othersLog(ctx context.Context, h *hand) error {
	l, err := h.known(ctx, h.hello())
	if err != nil {
		return err
	}
	return l.cut(ctx, func() error {
		ch, err := h.change(1, syncproto.ScopeOf(h.Place, "plain"))
		if err != nil {
			return err
		}
		cert, key := h.victim.Cert, h.victim.Key
		switch h.serial % 3 {
		case 1:
			key = h.Key
		case 2:
			cert, key = h.claim(), h.Key
		}
		batch, _, err := wire.NewBatchSealer(h.codec, wire.PurposePush, cert, key).Seal(1, syncproto.ChainStart(cert.Log), []*syncproto.Change{ch}, 0)
		if err != nil {
			return err
		}
		return l.send(&wire.Push{Batch: batch})
	})
}

// noCredit takes a byte and never says that it may have more.
func noCredit(ctx context.Context, h *hand) error {
	m := h.hello()
	m.Credit = 1
	l, err := h.known(ctx, m)
	if err != nil {
		return err
	}
	return l.stay(ctx, func() error { return nil })
}

// neverReads lets the server send all that it has, again and again, and reads none
// of it; meanwhile it goes on asking.
func neverReads(ctx context.Context, h *hand) error {
	m := h.hello()
	m.Credit = session.MaxWindow
	l, err := h.known(ctx, m)
	if err != nil {
		return err
	}
	defer l.close()
	h.did()
	for {
		if err := l.send(&wire.Status{DeviceTime: 1}); err != nil {
			return errOver
		}
		if err := pause(ctx, time.Second/50); err != nil {
			return err
		}
	}
}

// lies says other sums than it has, again and again, each time answered before the
// next: all that it may read.
func lies(ctx context.Context, h *hand) error {
	l, err := h.known(ctx, h.hello())
	if err != nil {
		return err
	}
	defer l.close()
	sums := bytes.Repeat([]byte{byte(h.serial + 1)}, wire.Buckets*16)
	scope := syncproto.ScopeOf(h.Place, "plain")
	for {
		if err := l.send(&wire.Compare{Scope: scope, Buckets: sums}); err != nil {
			return errOver
		}
		for answered := false; !answered; {
			m, err := l.receive()
			if err != nil {
				return errOver
			}
			_, answered = m.(*wire.ServerEntries)
		}
		h.did()
		if err := pause(ctx, lineDelay); err != nil {
			return err
		}
	}
}

// lineDelay is a round trip on a good mobile line: nobody asks again sooner.
const lineDelay = 100 * time.Millisecond

// noGrant brings changes for a scope that the device has no grant for, which is there
// or not.
func noGrant(ctx context.Context, h *hand) error {
	l, err := h.known(ctx, h.hello())
	if err != nil {
		return err
	}
	defer l.close()
	scopes := []syncproto.ScopeID{syncproto.ScopeOf(h.victim.Place, "plain"), syncproto.ScopeOf(syncproto.PlaceID{9}, "plain")}
	sealer := wire.NewBatchSealer(h.codec, wire.PurposePush, h.Cert, h.Key)
	seq, head := l.welcome.Received, l.welcome.ReceivedHead
	for {
		var changes []*syncproto.Change
		first, prev := seq+1, head
		for range 20 {
			seq++
			ch, err := h.change(seq, scopes[int(seq)%2])
			if err != nil {
				return err
			}
			head = syncproto.ChainNext(head, ch.HeaderBytes)
			changes = append(changes, ch)
		}
		h.seq, h.head = seq, head
		batch, _, err := sealer.Seal(first, prev, changes, 0)
		if err != nil {
			return err
		}
		if err := l.send(&wire.Push{Batch: batch}); err != nil {
			return errOver
		}
		for received := uint64(0); received < seq; {
			m, err := l.receive()
			if err != nil {
				return errOver
			}
			switch m := m.(type) {
			case *wire.Ack:
				received = m.Received
				if bad := applied(m.Results); bad {
					return errLetIn
				}
			case *wire.Page:
				received = max(received, m.Received)
			case *wire.Caught:
				received = max(received, m.Received)
			}
		}
		h.did()
		if err := pause(ctx, lineDelay); err != nil {
			return err
		}
	}
}

func applied(results []syncproto.Result) bool {
	for i := range results {
		if results[i].Outcome != syncproto.Quarantined {
			return true
		}
	}
	return false
}
