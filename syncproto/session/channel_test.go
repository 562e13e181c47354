package session

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// source is a reproducible stand-in for the system's random source.
func source(seed uint64) *rand.ChaCha8 {
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(s)
}

// ends are the two ends of a channel and what they are made of.
type ends struct {
	device, server *Channel
	deviceKey      KeyPair
	serverKey      KeyPair
	keys           wire.ServerKeys
	document       []byte
}

func newEnds(t testing.TB, seed uint64, firstContact bool) *ends {
	t.Helper()
	e := &ends{}
	r := source(seed)
	var err error
	if e.deviceKey, err = NewKeyPair(r); err != nil {
		t.Fatal(err)
	}
	if e.serverKey, err = NewKeyPair(r); err != nil {
		t.Fatal(err)
	}
	e.keys = wire.ServerKeys{Noise: e.serverKey.Public, Receipt: [32]byte{7}}
	e.document = wire.AppendServerKeys(nil, &e.keys)
	known := e.document
	if firstContact {
		known = nil
	}
	fingerprint := e.keys.Fingerprint()
	e.device = DeviceChannel(e.deviceKey, known, func(h syncproto.Hash) bool { return h == fingerprint }, r)
	e.server = ServerChannel(e.serverKey, e.document, r)
	return e
}

// join lets both ends greet each other over a pipe that a test can disturb.
func (e *ends) join(disturb func(step int, msg []byte) []byte) error {
	msg, err := e.device.Start()
	if err != nil {
		return err
	}
	to, from := e.server, e.device
	for step := 0; msg != nil; step++ {
		if disturb != nil {
			msg = disturb(step, bytes.Clone(msg))
		}
		reply, _, err := to.Receive(msg)
		if err != nil {
			if reply != nil {
				if _, _, replyErr := from.Receive(reply); replyErr != nil {
					return replyErr
				}
			}
			return err
		}
		msg = reply
		to, from = from, to
	}
	return nil
}

func TestChannelJoins(t *testing.T) {
	for _, row := range []struct {
		name  string
		first bool
	}{{"keys known", false}, {"first contact", true}} {
		t.Run(row.name, func(t *testing.T) {
			e := newEnds(t, 1, row.first)
			if err := e.join(nil); err != nil {
				t.Fatal(err)
			}
			if !e.device.Established() || !e.server.Established() {
				t.Fatal("not established")
			}
			if !bytes.Equal(e.device.Binding(), e.server.Binding()) || len(e.device.Binding()) != 32 {
				t.Error("bindings differ")
			}
			if e.server.Peer() != e.deviceKey.Public || e.device.Peer() != e.serverKey.Public {
				t.Error("the peers' keys are not those proved")
			}
			if !bytes.Equal(e.device.ServerKeys(), e.document) {
				t.Error("the device does not have the key document")
			}
			for _, size := range []int{1, 100, MaxSegment - 1, MaxSegment, MaxSegment + 1, 2 * MaxSegment, syncproto.MaxFrame} {
				frame := make([]byte, size)
				source(uint64(size)).Read(frame)
				for _, way := range []struct{ from, to *Channel }{{e.device, e.server}, {e.server, e.device}} {
					sealed, err := way.from.Seal(frame)
					if err != nil || len(sealed) > MaxSealed {
						t.Fatalf("seal %d: %d bytes, %v", size, len(sealed), err)
					}
					if bytes.Contains(sealed, frame[:min(len(frame), 16)]) && size >= 16 {
						t.Fatal("the frame shows through")
					}
					if _, got, err := way.to.Receive(sealed); err != nil || !bytes.Equal(got, frame) {
						t.Fatalf("%d bytes came back as %d, %v", size, len(got), err)
					}
				}
			}
			for _, size := range []int{0, syncproto.MaxFrame + 1} {
				if _, err := e.device.Seal(make([]byte, size)); !errors.Is(err, wire.ErrTooLarge) {
					t.Errorf("seal %d bytes: got %v, want %v", size, err, wire.ErrTooLarge)
				}
			}
		})
	}
}

func TestChannelRefusesToJoin(t *testing.T) {
	other := newEnds(t, 99, false)
	flip := func(at int) func(int, []byte) []byte {
		return func(step int, msg []byte) []byte {
			if step == at {
				msg[len(msg)-1] ^= 1
			}
			return msg
		}
	}
	rows := []struct {
		name    string
		first   bool
		change  func(*ends)
		disturb func(int, []byte) []byte
		err     error
	}{
		{"another server's keys answer a code", true, func(e *ends) { e.server.keys = other.document }, nil, ErrWrongServer},
		{"a server without the key for its document", true, func(e *ends) { e.server.key = other.serverKey }, nil, ErrWrongServer},
		{"another server at the address", false, func(e *ends) { e.server = other.server }, nil, ErrWrongServer},
		{"key document changed on the way", true, nil, flip(1), ErrWrongServer},
		{"key document cut", true, nil, func(step int, msg []byte) []byte {
			if step == 1 {
				return msg[:len(msg)/2]
			}
			return msg
		}, wire.ErrTruncated},
		{"key document too long", true, nil, func(step int, msg []byte) []byte {
			if step == 1 {
				return append(msg, make([]byte, maxKeyDocument)...)
			}
			return msg
		}, wire.ErrTooLarge},
		{"first handshake message changed", false, nil, flip(0), ErrWrongServer},
		{"second handshake message changed", false, nil, flip(1), ErrChannel},
		{"empty", false, nil, func(int, []byte) []byte { return nil }, ErrChannel},
		{"cut", false, nil, func(_ int, msg []byte) []byte { return msg[:len(msg)-1] }, ErrChannel},
		{"sealed too early", false, nil, func(int, []byte) []byte { return make([]byte, 200) }, ErrChannel},
		{"keys asked for twice", true, nil, func(step int, msg []byte) []byte {
			if step == 2 {
				return []byte{tagAskKeys}
			}
			return msg
		}, ErrChannel},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := newEnds(t, 2, row.first)
			if row.change != nil {
				row.change(e)
			}
			if err := e.join(row.disturb); !errors.Is(err, row.err) {
				t.Errorf("got %v, want %v", err, row.err)
			}
			if e.device.Established() && e.server.Established() {
				t.Error("established all the same")
			}
		})
	}
}

// A device whose key was copied by nobody else joins as itself only: the
// server sees the key that was proved.
func TestChannelWrongDeviceKey(t *testing.T) {
	e := newEnds(t, 3, false)
	thief, err := NewKeyPair(source(77))
	if err != nil {
		t.Fatal(err)
	}
	thief.Public = e.deviceKey.Public // claims the device's key without its private half
	e.device = DeviceChannel(thief, e.document, nil, source(5))
	if err := e.join(nil); err == nil && e.server.Established() && e.device.Established() {
		sealed, err := e.device.Seal([]byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.server.Receive(sealed); err == nil {
			t.Error("a key was accepted without its private half")
		}
	}
}

func TestChannelSeesTampering(t *testing.T) {
	frame := make([]byte, 2*MaxSegment+500)
	source(4).Read(frame)
	seal := func(e *ends) []byte {
		b, err := e.device.Seal(frame)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	rows := []struct {
		name string
		make func(e *ends) []byte
		err  error
	}{
		{"empty", func(e *ends) []byte { return nil }, ErrChannel},
		{"only a tag", func(e *ends) []byte { return seal(e)[:tagSize] }, ErrChannel},
		{"cut at a segment", func(e *ends) []byte { return seal(e)[:2*(MaxSegment+tagSize)] }, ErrChannel},
		{"cut inside a segment", func(e *ends) []byte { b := seal(e); return b[:len(b)-1] }, ErrChannel},
		{"one byte more", func(e *ends) []byte { return append(seal(e), 0) }, ErrChannel},
		{"too long", func(e *ends) []byte { return make([]byte, MaxSealed+1) }, wire.ErrTooLarge},
		{"segments exchanged", func(e *ends) []byte {
			b := seal(e)
			n := MaxSegment + tagSize
			return append(append(bytes.Clone(b[n:2*n]), b[:n]...), b[2*n:]...)
		}, ErrChannel},
		{"one left out", func(e *ends) []byte { seal(e); return seal(e) }, ErrChannel},
		{"in the clear", func(e *ends) []byte { return frame[:1000] }, ErrChannel},
		{"own message sent back", func(e *ends) []byte {
			b, err := e.server.Seal(frame)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}, ErrChannel},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			e := newEnds(t, 6, false)
			if err := e.join(nil); err != nil {
				t.Fatal(err)
			}
			_, got, err := e.server.Receive(row.make(e))
			if !errors.Is(err, row.err) || got != nil {
				t.Fatalf("got %d bytes, %v, want %v", len(got), err, row.err)
			}
			if e.server.Established() {
				t.Error("the channel goes on")
			}
			if _, _, err := e.server.Receive(seal(e)); !errors.Is(err, ErrChannel) {
				t.Errorf("after that: got %v, want %v", err, ErrChannel)
			}
		})
	}
	t.Run("repeated", func(t *testing.T) {
		e := newEnds(t, 7, false)
		if err := e.join(nil); err != nil {
			t.Fatal(err)
		}
		sealed := seal(e)
		if _, _, err := e.server.Receive(sealed); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.server.Receive(sealed); !errors.Is(err, ErrChannel) {
			t.Errorf("got %v, want %v", err, ErrChannel)
		}
	})
	t.Run("every bit of a short message", func(t *testing.T) {
		for bit := range (5 + tagSize) * 8 {
			e := newEnds(t, 8, false)
			if err := e.join(nil); err != nil {
				t.Fatal(err)
			}
			sealed, err := e.device.Seal([]byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			sealed[bit/8] ^= 1 << (bit % 8)
			if _, _, err := e.server.Receive(sealed); !errors.Is(err, ErrChannel) {
				t.Fatalf("bit %d: got %v, want %v", bit, err, ErrChannel)
			}
		}
	})
}

// vector is one conversation with fixed keys and ephemeral keys.
type vector struct {
	DevicePrivate   string `json:"devicePrivate"`
	ServerPrivate   string `json:"serverPrivate"`
	DeviceEphemeral string `json:"deviceEphemeral"`
	ServerEphemeral string `json:"serverEphemeral"`
	ServerKeys      string `json:"serverKeys"`
	Ask             string `json:"ask"`
	Answer          string `json:"answer"`
	Handshake1      string `json:"handshake1"`
	Handshake2      string `json:"handshake2"`
	Binding         string `json:"binding"`
	DeviceFrame     string `json:"deviceFrame"`
	DeviceSealed    string `json:"deviceSealed"`
	ServerFrame     string `json:"serverFrame"`
	ServerSealed    string `json:"serverSealed"`
}

func TestChannelVector(t *testing.T) {
	buf, err := os.ReadFile(filepath.Join("testdata", "channel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want vector
	if err := json.Unmarshal(buf, &want); err != nil {
		t.Fatal(err)
	}
	if got := playVector(t, want); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func playVector(t *testing.T, v vector) vector {
	t.Helper()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	pair := func(private string) KeyPair {
		k, err := NewKeyPair(bytes.NewReader(unhex(private)))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	server := pair(v.ServerPrivate)
	keys := wire.ServerKeys{Noise: server.Public, Receipt: [32]byte{1, 2, 3}}
	document := wire.AppendServerKeys(nil, &keys)
	v.ServerKeys = hex.EncodeToString(document)
	d := DeviceChannel(pair(v.DevicePrivate), nil, func(syncproto.Hash) bool { return true }, bytes.NewReader(unhex(v.DeviceEphemeral)))
	s := ServerChannel(server, document, bytes.NewReader(unhex(v.ServerEphemeral)))
	receive := func(c *Channel, msg []byte) []byte {
		t.Helper()
		reply, _, err := c.Receive(msg)
		return must(reply, err)
	}
	ask := must(d.Start())
	answer := receive(s, ask)
	h1 := receive(d, answer)
	h2 := receive(s, h1)
	receive(d, h2)
	v.Ask, v.Answer, v.Handshake1, v.Handshake2 = hex.EncodeToString(ask), hex.EncodeToString(answer), hex.EncodeToString(h1), hex.EncodeToString(h2)
	v.Binding = hex.EncodeToString(d.Binding())
	v.DeviceSealed = hex.EncodeToString(must(d.Seal(unhex(v.DeviceFrame))))
	v.ServerSealed = hex.EncodeToString(must(s.Seal(unhex(v.ServerFrame))))
	return v
}
