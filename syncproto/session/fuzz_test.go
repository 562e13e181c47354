package session

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// corpusNotEmpty fails a fuzz target whose committed corpus is gone.
func corpusNotEmpty(f *testing.F) {
	f.Helper()
	files, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name()))
	if err != nil || len(files) == 0 {
		f.Fatalf("corpus of %s is empty: %v", f.Name(), err)
	}
}

// messagesOf reads a script of messages: type, length, payload, again and
// again; what does not decode ends it, as it would end a connection.
func messagesOf(script []byte) []wire.Message {
	var out []wire.Message
	for len(script) > 1 && len(out) < 200 {
		n, k := binary.Uvarint(script[1:])
		if k <= 0 || n > uint64(len(script)-1-k) {
			break
		}
		end := 1 + k + int(n)
		m, err := wire.DecodeMessage(wire.MsgType(script[0]), script[1+k:end])
		if err != nil {
			break
		}
		out = append(out, m)
		script = script[end:]
	}
	return out
}

// FuzzServer lets a device that has joined say anything: the server neither
// panics nor asks for more than a few things a message.
func FuzzServer(f *testing.F) {
	corpusNotEmpty(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		now := int64(1000)
		store := newFakeServer(&now)
		store.grants[testDevice] = map[syncproto.ScopeID]bool{scopeA: true}
		for i := range byte(50) {
			store.apply(testDevice, fakeChange{id: syncproto.ChangeID{i, 1}, record: syncproto.RecordID{i}, scope: scopeA})
		}
		store.codes["secret"] = syncproto.DeviceID{}
		desk := &fakeDesk{s: store}
		s := NewServer()
		noise := [32]byte{testDevice[0]}
		steps, said := 0, 0
		var run func(effects []ServerEffect)
		run = func(effects []ServerEffect) {
			for _, e := range effects {
				if steps++; steps > 100_000 {
					t.Fatal("asks for more and more")
				}
				if ev := desk.do(e); ev != nil {
					run(s.Step(now, ev))
				}
			}
		}
		run(s.Step(now, ServerConnected{Noise: noise, Handshake: []byte("b")}))
		msgs := messagesOf(script)
		for _, m := range msgs {
			now += 10
			run(s.Step(now, Received{m}))
			for {
				out, effects := s.Next(now)
				if out == nil {
					break
				}
				said++
				run(effects)
			}
			if len(s.outbox) > wire.MaxPages || len(s.pending) > maxPushCount || s.bytes > maxPushes+syncproto.MaxFrame {
				t.Fatal("holds more than its bounds")
			}
		}
		if steps > 40*len(msgs)+20 || said > 40*len(msgs)+20 {
			t.Fatalf("%d messages lead to %d effects and %d answers", len(msgs), steps, said)
		}
		if !s.Closed() {
			if err := s.Idle(); err != nil && s.credit > 0 {
				t.Fatalf("comes to rest and is stuck: %v", err)
			}
		}
	})
}

// FuzzDevice lets a server that has been joined say anything.
func FuzzDevice(f *testing.F) {
	corpusNotEmpty(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		logs := byte(0)
		store := newFakeDevice(testDevice, func() syncproto.LogID { logs++; return syncproto.LogID{8, logs} })
		store.granted, store.serial = []syncproto.ScopeID{scopeA, scopeB}, 1
		store.cursors[scopeA] = wire.Cursor{Scope: scopeA, Era: testEra, Position: 10}
		for i := range byte(20) {
			store.save(fakeChange{id: syncproto.ChangeID{i}, record: syncproto.RecordID{i}, scope: scopeA})
		}
		d := NewDevice(DeviceConfig{Window: 4096})
		steps, said, closed := 0, 0, false
		var run func(effects []DeviceEffect)
		run = func(effects []DeviceEffect) {
			for _, e := range effects {
				if steps++; steps > 100_000 {
					t.Fatal("asks for more and more")
				}
				if _, ok := e.(Close); ok {
					if closed {
						t.Fatal("closes twice")
					}
					closed = true
				}
				if ev := safely(store, e); ev != nil {
					run(d.Step(1000, ev))
				}
			}
		}
		run(d.Step(1000, DeviceConnected{}))
		msgs := messagesOf(script)
		for _, m := range msgs {
			for {
				out, effects := d.Next(1000)
				if out == nil {
					break
				}
				said++
				run(effects)
			}
			run(d.Step(1000, Received{m}))
		}
		if steps > 60*len(msgs)+60 || said > 60*len(msgs)+60 {
			t.Fatalf("%d messages lead to %d effects and %d messages", len(msgs), steps, said)
		}
	})
}

// safely lets the fake store, which trusts what a server sends, refuse what is
// no record of its kind, as a store refuses what it cannot decode.
func safely(store *fakeDevice, e DeviceEffect) DeviceEvent {
	whole := func(records [][]byte) bool {
		for _, r := range records {
			if len(r) < 32 || len(r)%16 != 0 {
				return false
			}
		}
		return true
	}
	switch e := e.(type) {
	case CommitPage:
		if !whole(e.Page.Records) {
			return Failed{Effect: e}
		}
	case CommitCaught:
		for i := range e.Caught.Pages {
			if !whole(e.Caught.Pages[i].Records) {
				return Failed{Effect: e}
			}
		}
	case MendRecords:
		if !whole(e.Records) {
			return Failed{Effect: e}
		}
	case SaveWelcome:
		if e.Welcome.Received > store.head() {
			return WelcomeSaved{Contradicted: true}
		}
	}
	return store.do(e)
}

// FuzzChannel gives both ends of a channel anything instead of the peer's words.
func FuzzChannel(f *testing.F) {
	corpusNotEmpty(f)
	f.Fuzz(func(t *testing.T, first, second []byte, device, open bool) {
		e := newEnds(t, 1, device && !open)
		c := e.server
		if open {
			if err := e.join(nil); err != nil {
				t.Fatal(err)
			}
		} else if device {
			c = e.device
			if _, err := c.Start(); err != nil {
				t.Fatal(err)
			}
		}
		for _, msg := range [][]byte{first, second} {
			reply, frame, err := c.Receive(msg)
			if err != nil {
				if c.Established() || frame != nil {
					t.Fatal("goes on after an error")
				}
				return
			}
			if open || frame != nil {
				t.Fatal("reads what nobody sealed")
			}
			if len(reply) > maxKeyDocument+1 {
				t.Fatalf("a reply of %d bytes", len(reply))
			}
		}
	})
}
