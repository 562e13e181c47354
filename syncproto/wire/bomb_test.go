package wire

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"mahalleh/syncproto"
)

// A bomb is a small frame that would unpack to a large one, or make the decoder hold
// much for it. What a frame may unpack to is bounded, and what is allocated for it.
func TestZstdBombs(t *testing.T) {
	codec := newCodec(t)
	// frame is a zstd frame of one segment, without its magic number, which announces a
	// size and has these blocks.
	frame := func(size uint64, blocks ...[]byte) []byte {
		b := binary.LittleEndian.AppendUint64([]byte{0xe0}, size)
		return append(b, bytes.Join(blocks, nil)...)
	}
	block := func(kind, size int, last bool, content ...byte) []byte {
		head := size<<3 | kind<<1
		if last {
			head |= 1
		}
		return append([]byte{byte(head), byte(head >> 8), byte(head >> 16)}, content...)
	}
	const raw, rle, packed, reserved = 0, 1, 2, 3
	full := block(rle, 128<<10, false, 'a')
	many := func(n int) []byte { return bytes.Repeat(full, n) }
	empty := bytes.Repeat(block(raw, 0, false), 100_000)
	whole, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 64<<20)
	outer := strip(codec.enc.EncodeAll(whole.EncodeAll(zeros, nil), nil))
	tests := []struct {
		name string
		body []byte
		// fits says that it unpacks to no more than a frame may: then it is its content
		// that is refused.
		fits bool
	}{
		{"a huge size announced, nothing behind it", frame(1<<62, block(raw, 0, true)), false},
		{"a size just beyond the limit", frame(syncproto.MaxUnpacked+1, many(32), block(rle, 1, true, 'a')), false},
		{"a size that its blocks cannot fill", frame(syncproto.MaxUnpacked, block(rle, 1, true, 'a')), false},
		{"a small size and blocks of much more", frame(10, many(400), block(rle, 1, true, 'a')), false},
		{"one byte again and again, as much as fits", frame(syncproto.MaxUnpacked, many(31), block(rle, 128<<10, true, 'a')), true},
		{"a hundred thousand empty blocks and some content", frame(200, empty, block(rle, 200, true, 'a')), true},
		{"a block longer than blocks may be", frame(1<<20, block(rle, 1<<20, true, 'a')), false},
		{"a block of no kind", frame(5, block(reserved, 5, true, 'a', 'a', 'a', 'a', 'a')), false},
		{"packed blocks of noise", frame(syncproto.MaxUnpacked, bytes.Repeat(block(packed, 3, false, 1, 2, 3), 32), block(packed, 3, true, 1, 2, 3)), false},
		{"blocks without end", frame(1<<20, many(8)), false},
		{"no size, and 64 MiB of zeros", strip(func() []byte {
			var b bytes.Buffer
			w, err := zstd.NewWriter(&b)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(zeros)
			w.Close()
			return b.Bytes()
		}()), false},
		{"a window of terabytes", append([]byte{0x00, 0xff}, block(rle, 10, true, 'a')...), false},
		{"a window of terabytes and a size", append([]byte{0xc0, 0xff, 10, 0, 0, 0, 0, 0, 0, 0}, block(rle, 10, true, 'a')...), false},
		{"a dictionary that nobody has", append([]byte{0xe3, 1, 2, 3, 4, 10, 0, 0, 0, 0, 0, 0, 0}, block(rle, 10, true, 'a')...), false},
		{"a frame within a frame", outer, true},
		{"a second frame behind the first", append(frame(1, block(rle, 1, true, 'a')), append([]byte(zstdMagic), frame(4<<20, many(32), block(raw, 0, true))...)...), false},
		{"a frame to be skipped", append([]byte{0xff, 0xff, 0xff, 0x7f}, make([]byte, 100)...), false},
	}
	const most = 2*syncproto.MaxUnpacked + 4<<20
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if len(test.body) > syncproto.MaxFrame {
				t.Fatalf("it has %d bytes, which no line carries", len(test.body))
			}
			unpack := func() ([]byte, error) {
				in := &cursor{buf: append([]byte{codingZstd}, test.body...)}
				return codec.decompress(in, "bomb"), in.err
			}
			unpack() // what is made once and kept does not count
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out, err := unpack()
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > most {
				t.Errorf("%d bytes were allocated for %d, want at most %d", got, len(test.body), most)
			}
			if len(out) > syncproto.MaxUnpacked || (err == nil) != test.fits {
				t.Errorf("it unpacks to %d bytes, %v", len(out), err)
			}
			// Inside, no decoder goes another round.
			for _, typ := range []MsgType{MsgPush, MsgHello, MsgPage} {
				if m, err := codec.DecodeFrame(append(appendUvarint(nil, uint64(typ)), append([]byte{codingZstd}, test.body...)...)); err == nil {
					t.Errorf("as message %d it is read: %T", typ, m)
				}
			}
		})
	}
}
