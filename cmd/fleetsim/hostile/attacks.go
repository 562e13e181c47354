package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Attacks are all of them.
func Attacks() []Attack {
	const million = 1_000_000
	return append([]Attack{
		{Name: "slow-loris", Long: true, hands: 2000, connects: 400, once: slowLoris},
		{Name: "slow-headers", Long: true, hands: 2000, connects: 400, once: slowHeaders},
		{Name: "long-frames", once: flooding(frame(opBinary, true, 100<<20, nil), make([]byte, 32<<10), 100<<20)},
		{Name: "long-messages", once: flooding(frame(opBinary, false, 0, nil), frame(opContinue, false, 32<<10, make([]byte, 32<<10)), 100<<20)},
		{Name: "tiny-fragments", once: flooding(frame(opBinary, false, 0, nil), bytes.Repeat(frame(opContinue, false, 1, []byte{1}), 1000), 7*million)},
		{Name: "empty-fragments", once: flooding(frame(opBinary, false, 0, nil), bytes.Repeat(frame(opContinue, false, 0, nil), 1000), 6*million)},
		{Name: "pings", once: flooding(nil, bytes.Repeat(frame(opPing, true, 0, nil), 1000), 6*million)},
		{Name: "long-pings", once: flooding(frame(opBinary, false, 100, make([]byte, 100)), bytes.Repeat(frame(opPing, true, 125, make([]byte, 125)), 100), 131*million)},
		{Name: "pongs", once: flooding(nil, bytes.Repeat(frame(opPong, true, 0, nil), 1000), 6*million)},
		{Name: "text", once: flooding(nil, frame(opText, true, 5, []byte("hello")), million)},
		{Name: "replays", once: replay},
		{Name: "relays", once: relay},
		{Name: "versions", once: versions},
		{Name: "origins", once: origins},
		{Name: "strangers", Long: true, hands: 1000, once: strangers},
	}, insideAttacks()...)
}

// slowLoris says a byte of the handshake in ten seconds.
func slowLoris(ctx context.Context, h *hand) error {
	l, err := h.upgrade(ctx, nil)
	if err != nil {
		return err
	}
	return l.stay(ctx, func() error { return drip(ctx, l.ws.NetConn().Write, frame(opBinary, true, 97, make([]byte, 97))) })
}

// slowHeaders does not come as far: it says a byte of its request in ten seconds.
func slowHeaders(ctx context.Context, h *hand) error {
	c, err := h.tcp(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	h.did()
	return drip(ctx, c.Write, []byte("GET /sync HTTP/1.1\r\nHost: server\r\nX-Slow: "+string(bytes.Repeat([]byte{'a'}, 4<<10))))
}

func drip(ctx context.Context, write func([]byte) (int, error), b []byte) error {
	for i := range b {
		if _, err := write(b[i : i+1]); err != nil {
			return errOver
		}
		if err := pause(ctx, 10*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// flooding has a device that the server knows send a beginning and then more of the
// same, so many bytes of it.
func flooding(first, more []byte, all int) func(context.Context, *hand) error {
	return func(ctx context.Context, h *hand) error {
		l, err := h.known(ctx, h.hello())
		if err != nil {
			return err
		}
		return l.cut(ctx, func() error {
			if _, err := l.ws.NetConn().Write(first); err != nil {
				return err
			}
			return l.flood(more, all)
		})
	}
}

// replay says what was heard of a conversation again, once as it was and once with
// its messages exchanged.
func replay(ctx context.Context, h *hand) error {
	l, err := h.secure(ctx, h.Noise)
	if err != nil {
		return err
	}
	var heard [][]byte
	for _, m := range []wire.Message{h.hello(), &wire.Status{DeviceTime: 1}, &wire.Status{DeviceTime: 2}} {
		b, err := l.link.Send(m)
		if err != nil {
			l.close()
			return err
		}
		heard = append(heard, b)
	}
	// The second one twice, and the third before it, in the conversation itself.
	err = l.cut(ctx, func() error {
		for _, i := range [][]int{{0, 1, 1}, {0, 2, 1}}[h.serial%2] {
			if err := l.write(heard[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	first, err := session.DeviceChannel(h.Noise, h.keys, nil, rand.Reader).Start()
	if err != nil {
		return err
	}
	again, err := h.upgrade(ctx, nil)
	if err != nil {
		return err
	}
	return again.cut(ctx, func() error {
		for _, b := range append([][]byte{first}, heard...) {
			if err := again.write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// relay answers one connection's handshake with what a device says in another.
func relay(ctx context.Context, h *hand) error {
	channel := session.DeviceChannel(h.Noise, h.keys, nil, rand.Reader)
	first, err := channel.Start()
	if err != nil {
		return err
	}
	relayed, err := h.upgrade(ctx, nil)
	if err != nil {
		return err
	}
	defer relayed.close()
	own, err := h.upgrade(ctx, nil)
	if err != nil {
		return err
	}
	return own.cut(ctx, func() error {
		for _, l := range []*line{relayed, own} {
			if err := l.write(first); err != nil {
				return err
			}
		}
		_, answer, err := relayed.ws.ReadMessage()
		if err != nil {
			return err
		}
		if _, _, err := channel.Receive(answer); err != nil {
			return err
		}
		b, err := session.NewLink(channel, h.codec).Send(h.hello())
		if err != nil {
			return err
		}
		return own.write(b)
	})
}

// versions asks for a protocol that was never spoken or is spoken no more.
func versions(ctx context.Context, h *hand) error {
	if h.serial%3 == 0 {
		l, err := h.upgrade(ctx, nil, "mahalleh.v0", "chat")
		if err == errRefused {
			return nil
		}
		if err == nil {
			l.close()
		}
		return err
	}
	l, err := h.secure(ctx, h.Noise)
	if err != nil {
		return err
	}
	m := h.hello()
	if m.ProtoMin, m.ProtoMax = 0, 0; h.serial%3 == 1 {
		m.ProtoMin, m.ProtoMax = session.ProtoMax+1, 1<<31
	}
	return l.cut(ctx, func() error { return l.send(m) })
}

// origins comes as a page in somebody's browser would, and leaves at once if it is
// let in because it says no origin.
func origins(ctx context.Context, h *hand) error {
	for _, origin := range []string{"https://evil.example", "null", "http://" + h.address + ".evil.example"} {
		l, err := h.upgrade(ctx, http.Header{"Origin": {origin}})
		if err == nil {
			l.close()
			return errLetIn
		}
		if err != errRefused {
			return err
		}
	}
	l, err := h.upgrade(ctx, nil)
	if err == nil {
		l.close()
	}
	return err
}

// strangers have keys that the server does not know, and nearly finish a message as
// long as it takes from them.
func strangers(ctx context.Context, h *hand) error {
	key, err := session.NewKeyPair(rand.Reader)
	if err != nil {
		return err
	}
	l, err := h.secure(ctx, key)
	if err != nil {
		return err
	}
	const long = 128 << 10
	return l.stay(ctx, func() error {
		_, err := l.ws.NetConn().Write(frame(opBinary, true, long, make([]byte, long-1)))
		return err
	})
}
