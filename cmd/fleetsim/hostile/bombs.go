package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"

	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// The codings of frames that unpack: zstd, and records by a model.
const (
	codingZstd     = 1
	codingAdaptive = 3
)

// bombs are small payloads that would unpack to large ones or have the decoder hold
// much. The tests beside the decoder have more kinds, and say what each comes to.
func bombs() [][]byte {
	zstd := func(size uint64, blocks ...[]byte) []byte {
		b := binary.LittleEndian.AppendUint64([]byte{codingZstd, 0xe0}, size)
		return append(b, bytes.Join(blocks, nil)...)
	}
	block := func(kind, size int, last bool, content ...byte) []byte {
		head := size<<3 | kind<<1
		if last {
			head |= 1
		}
		return append([]byte{byte(head), byte(head >> 8), byte(head >> 16)}, content...)
	}
	const raw, rle, packed = 0, 1, 2
	full := block(rle, 128<<10, false, 'a')
	last := block(rle, 128<<10, true, 'a')
	most := syncproto.MaxUnpacked / (128 << 10)
	long := append([]byte{codingAdaptive}, bytes.Repeat([]byte{0xff}, 200<<10)...)
	return [][]byte{
		zstd(1<<62, block(raw, 0, true)),
		zstd(syncproto.MaxUnpacked, bytes.Repeat(full, most-1), last),
		zstd(syncproto.MaxUnpacked+1, bytes.Repeat(full, most), block(rle, 1, true, 'a')),
		zstd(10, bytes.Repeat(full, 400), last),
		zstd(200, bytes.Repeat(block(raw, 0, false), 100_000), block(rle, 200, true, 'a')),
		zstd(syncproto.MaxUnpacked, bytes.Repeat(block(packed, 3, false, 1, 2, 3), 32), block(packed, 3, true, 1, 2, 3)),
		append([]byte{codingZstd, 0xc0, 0xff, 10, 0, 0, 0, 0, 0, 0, 0}, block(rle, 10, true, 'a')...),
		append(zstd(1, block(rle, 1, true, 'a')), append([]byte{0x28, 0xb5, 0x2f, 0xfd}, zstd(4<<20, bytes.Repeat(full, 32), last)[1:]...)...),
		long, {codingAdaptive, 0xff, 0xff, 0xff, 0x7f, 0}, append([]byte{codingAdaptive, 1, 0}, make([]byte, 100<<10)...),
	}
}

// bomb sends one of them as this or that message, every fourth time as a stranger.
func bomb(ctx context.Context, h *hand) error {
	all := bombs()
	body := all[h.serial%len(all)]
	types := []wire.MsgType{wire.MsgPush, wire.MsgHello, wire.MsgPage, wire.MsgCompare}
	payload := append([]byte{byte(types[h.serial/len(all)%len(types)])}, body...)
	if h.serial%4 == 0 {
		key, err := session.NewKeyPair(rand.Reader)
		if err != nil {
			return err
		}
		l, err := h.secure(ctx, key)
		if err != nil {
			return err
		}
		return l.cut(ctx, func() error { return l.sendFrame(append([]byte{byte(wire.MsgHello)}, body...)) })
	}
	l, err := h.known(ctx, h.hello())
	if err != nil {
		return err
	}
	return l.cut(ctx, func() error { return l.sendFrame(payload) })
}
