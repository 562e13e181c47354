package session

import (
	"errors"
	"fmt"
	"io"

	"github.com/flynn/noise"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// Subprotocol names the protocol to the websocket, and is the prologue of the
// handshake, so that two sides that disagree on it never understand each other.
const Subprotocol = "mahalleh-sync.v1"

var (
	// ErrChannel says that the channel is broken: bytes were changed, left out,
	// repeated or sent by somebody else. Nothing more can be read.
	ErrChannel = errors.New("the secure channel is broken")
	// ErrWrongServer says that whoever answered does not have the keys of the
	// server that this device belongs to.
	ErrWrongServer = errors.New("this is not the server that the device belongs to")
)

// Sizes of the channel.
const (
	// MaxSegment is how much plaintext one sealed segment holds: what a Noise
	// message may, less its tag.
	MaxSegment = noise.MaxMsgLen - tagSize
	// MaxSealed bounds one websocket message: the sealed form of the longest frame.
	MaxSealed = syncproto.MaxFrame + (syncproto.MaxFrame+MaxSegment-1)/MaxSegment*tagSize

	tagSize = 16
	// maxKeyDocument bounds the server's key document, some 110 bytes today.
	maxKeyDocument = 1024
	// handshake1 and handshake2 are the lengths of the two Noise messages.
	handshake1 = 32 + 32 + tagSize + tagSize
	handshake2 = 32 + tagSize
)

// The first byte of a websocket message before the channel is established.
const (
	tagAskKeys    = 1
	tagKeys       = 2
	tagHandshake1 = 3
	tagHandshake2 = 4
	tagNotYours   = 5
)

// KeyPair is a static X25519 key pair.
type KeyPair struct{ Private, Public [32]byte }

// NewKeyPair makes a key pair from random bytes.
func NewKeyPair(random io.Reader) (KeyPair, error) {
	k, err := noise.DH25519.GenerateKeypair(random)
	if err != nil {
		return KeyPair{}, fmt.Errorf("make key pair: %w", err)
	}
	return KeyPair{[32]byte(k.Private), [32]byte(k.Public)}, nil
}

func (k KeyPair) noise() noise.DHKey {
	return noise.DHKey{Private: k.Private[:], Public: k.Public[:]}
}

// Channel is one end of the secure channel: Noise_IK_25519_ChaChaPoly_SHA256
// with empty handshake payloads, and before it, for a device that has only a
// typed code, a request for the server's key document in the clear. It is not
// safe for concurrent use, but one goroutine may call Seal while another calls
// Receive once Established is true.
type Channel struct {
	initiator bool
	key       KeyPair
	random    io.Reader
	fits      func(syncproto.Hash) bool
	keys      []byte // the server's key document, nil while it is unknown

	stage          stage
	hs             *noise.HandshakeState
	sealer, opener *noise.CipherState
	binding        []byte
	peer           [32]byte
}

type stage uint8

const (
	stageNew stage = iota
	stageAsked
	stageHandshake
	stageOpen
	stageBroken
)

// DeviceChannel makes the device's end. keys is the server's key document if
// the device has it. If it is nil, the document is asked for, and fits says
// whether its fingerprint is the one in the enrolment code. random is a
// cryptographic source.
func DeviceChannel(key KeyPair, keys []byte, fits func(syncproto.Hash) bool, random io.Reader) *Channel {
	return &Channel{initiator: true, key: key, keys: keys, fits: fits, random: random}
}

// ServerChannel makes the server's end. keys is its key document, which holds
// key's public half.
func ServerChannel(key KeyPair, keys []byte, random io.Reader) *Channel {
	return &Channel{key: key, keys: keys, random: random}
}

// Established reports whether frames may be sealed and are received.
func (c *Channel) Established() bool { return c.stage == stageOpen }

// Binding is the handshake's hash, the same on both ends and in no other
// channel.
func (c *Channel) Binding() []byte { return c.binding }

// Peer is the peer's static key.
func (c *Channel) Peer() [32]byte { return c.peer }

// ServerKeys is the server's key document, once it is known and checked.
func (c *Channel) ServerKeys() []byte { return c.keys }

// Start returns the device's first message.
func (c *Channel) Start() ([]byte, error) {
	if !c.initiator || c.stage != stageNew {
		return nil, fmt.Errorf("start: %w", ErrChannel)
	}
	if c.keys == nil {
		c.stage = stageAsked
		return []byte{tagAskKeys}, nil
	}
	return c.shake()
}

// Receive takes one message from the socket. Before the channel is established
// it returns what to answer, if anything; after that, the frame inside. With an
// error the channel is broken; a reply that comes with it is sent before closing.
func (c *Channel) Receive(msg []byte) (reply, frame []byte, err error) {
	if c.stage == stageOpen {
		frame, err = c.open(msg)
	} else {
		reply, err = c.greet(msg)
	}
	if err != nil {
		c.stage = stageBroken
	}
	return reply, frame, err
}

func (c *Channel) greet(msg []byte) ([]byte, error) {
	if len(msg) == 0 {
		return nil, fmt.Errorf("empty message: %w", ErrChannel)
	}
	tag, body := msg[0], msg[1:]
	switch {
	case tag == tagAskKeys && !c.initiator && c.stage == stageNew && len(body) == 0:
		c.stage = stageAsked
		return append([]byte{tagKeys}, c.keys...), nil
	case tag == tagKeys && c.initiator && c.stage == stageAsked:
		if len(body) > maxKeyDocument {
			return nil, fmt.Errorf("key document of %d bytes: %w", len(body), wire.ErrTooLarge)
		}
		keys, err := wire.DecodeServerKeys(body)
		if err != nil {
			return nil, err
		}
		if c.fits == nil || !c.fits(keys.Fingerprint()) {
			return nil, fmt.Errorf("its keys do not fit the enrolment code: %w", ErrWrongServer)
		}
		c.keys = append([]byte(nil), body...)
		return c.shake()
	case tag == tagHandshake1 && !c.initiator && c.stage <= stageAsked && len(body) == handshake1:
		return c.answer(body)
	case tag == tagHandshake2 && c.initiator && c.stage == stageHandshake && len(body) == handshake2:
		_, tx, rx, err := c.hs.ReadMessage(nil, body)
		if err != nil {
			return nil, fmt.Errorf("handshake answer: %w: %w", ErrChannel, err)
		}
		c.begin(tx, rx)
		return nil, nil
	case tag == tagNotYours && c.initiator && c.stage == stageHandshake && len(body) == 0:
		return nil, fmt.Errorf("it cannot read what is meant for the enrolled one: %w", ErrWrongServer)
	}
	return nil, fmt.Errorf("message %d of %d bytes before the channel stands: %w", tag, len(msg), ErrChannel)
}

// shake makes the device's handshake message.
func (c *Channel) shake() ([]byte, error) {
	keys, err := wire.DecodeServerKeys(c.keys)
	if err != nil {
		return nil, err
	}
	if err := c.handshake(keys.Noise[:]); err != nil {
		return nil, err
	}
	out, _, _, err := c.hs.WriteMessage([]byte{tagHandshake1}, nil)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	c.stage = stageHandshake
	return out, nil
}

func (c *Channel) handshake(peer []byte) error {
	hs, err := noise.NewHandshakeState(noise.Config{
		CipherSuite:   noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256),
		Random:        c.random,
		Pattern:       noise.HandshakeIK,
		Initiator:     c.initiator,
		Prologue:      []byte(Subprotocol),
		StaticKeypair: c.key.noise(),
		PeerStatic:    peer,
	})
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	c.hs = hs
	return nil
}

// answer reads the device's handshake message and makes the server's.
func (c *Channel) answer(body []byte) ([]byte, error) {
	if err := c.handshake(nil); err != nil {
		return nil, err
	}
	if _, _, _, err := c.hs.ReadMessage(nil, body); err != nil {
		return []byte{tagNotYours}, fmt.Errorf("handshake: %w: %w", ErrChannel, err)
	}
	out, rx, tx, err := c.hs.WriteMessage([]byte{tagHandshake2}, nil)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	c.begin(tx, rx)
	return out, nil
}

func (c *Channel) begin(tx, rx *noise.CipherState) {
	c.sealer, c.opener = tx, rx
	c.binding = append([]byte(nil), c.hs.ChannelBinding()...)
	copy(c.peer[:], c.hs.PeerStatic())
	c.hs = nil
	if !c.initiator {
		c.keys = nil // nobody asks for them any more
	}
	c.stage = stageOpen
}

// The associated data of a segment says whether it is its frame's last, so
// that a frame cannot be cut at the border of two segments.
var (
	moreFollows = []byte{0}
	isLast      = []byte{1}
)

// Seal makes one websocket message of a frame: segments of MaxSegment bytes,
// the last one shorter or as long, each with its tag.
func (c *Channel) Seal(frame []byte) ([]byte, error) {
	if c.stage != stageOpen {
		return nil, fmt.Errorf("seal: %w", ErrChannel)
	}
	if len(frame) == 0 || len(frame) > syncproto.MaxFrame {
		return nil, fmt.Errorf("frame of %d bytes: %w", len(frame), wire.ErrTooLarge)
	}
	out := make([]byte, 0, len(frame)+(len(frame)+MaxSegment-1)/MaxSegment*tagSize)
	for len(frame) > 0 {
		n := min(len(frame), MaxSegment)
		ad := moreFollows
		if n == len(frame) {
			ad = isLast
		}
		var err error
		if out, err = c.sealer.Encrypt(out, ad, frame[:n]); err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		frame = frame[n:]
	}
	return out, nil
}

func (c *Channel) open(msg []byte) ([]byte, error) {
	if len(msg) > MaxSealed {
		return nil, fmt.Errorf("sealed message of %d bytes: %w", len(msg), wire.ErrTooLarge)
	}
	if len(msg) <= tagSize {
		return nil, fmt.Errorf("sealed message of %d bytes: %w", len(msg), ErrChannel)
	}
	frame := make([]byte, 0, len(msg)-tagSize)
	for len(msg) > 0 {
		n := min(len(msg), noise.MaxMsgLen)
		ad := moreFollows
		if n == len(msg) {
			ad = isLast
		}
		var err error
		if frame, err = c.opener.Decrypt(frame, ad, msg[:n]); err != nil {
			return nil, fmt.Errorf("open segment: %w: %w", ErrChannel, err)
		}
		msg = msg[n:]
	}
	return frame, nil
}
