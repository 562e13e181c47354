package wire

import (
	"embed"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"mahalleh/syncproto"
)

//go:embed dict
var dictionaries embed.FS

// The dictionaries, trained on synthetic records. A changed dictionary gets a
// new number; the old ones stay, for batches that lie in bundles and backups.
const (
	// DictChanges is a table of prefix codes for the packed changes of a batch.
	DictChanges uint32 = 1
	// DictRecords is a zstd dictionary for messages that carry record states.
	DictRecords uint32 = 2
)

// The codings of compressed content: as it is, zstd without a dictionary, or
// with dictionary coding-1.
const (
	codingRaw     = 0
	codingZstd    = 1
	codingChanges = uint64(DictChanges) + 1
	codingRecords = uint64(DictRecords) + 1
)

// ErrUnknownDictionary says that content was compressed with a dictionary
// that this release does not have.
var ErrUnknownDictionary = errors.New("compressed with an unknown dictionary")

// zstdMagic leads every zstd frame; it is left out on the wire.
const zstdMagic = "\x28\xb5\x2f\xfd"

// minCompress is the content length below which compression cannot win.
const minCompress = 24

// maxBlock is what one block of a zstd frame may unpack to (RFC 8878, 3.1.1.2.4).
const maxBlock = 128 << 10

// Codec compresses and decompresses. It holds the tables that this needs, so
// one is made per process and shared; it may be used concurrently.
type Codec struct {
	plain, records *zstd.Encoder
	dec            *zstd.Decoder
	changes        *prefixTable
	fold           *folder
}

// NewCodec makes a codec with all dictionaries of this release.
func NewCodec() (*Codec, error) {
	c := &Codec{fold: newFolder()}
	table, err := dictionaries.ReadFile("dict/1.codes")
	if err != nil {
		return nil, fmt.Errorf("read dictionary: %w", err)
	}
	if c.changes, err = readPrefixTable(table); err != nil {
		return nil, fmt.Errorf("load dictionary: %w", err)
	}
	records, err := dictionaries.ReadFile("dict/2.zdict")
	if err != nil {
		return nil, fmt.Errorf("read dictionary: %w", err)
	}
	options := []zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1 << 20)}
	if c.plain, err = zstd.NewWriter(nil, options...); err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	if c.records, err = zstd.NewWriter(nil, append(options, zstd.WithEncoderDict(records))...); err != nil {
		return nil, fmt.Errorf("load dictionary: %w", err)
	}
	c.dec, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(syncproto.MaxUnpacked), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(syncproto.MaxUnpacked), zstd.WithDecoderDicts(records))
	if err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return c, nil
}

// Dictionaries returns the ids of the dictionaries of this release.
func (c *Codec) Dictionaries() []uint32 { return []uint32{DictChanges, DictRecords} }

// strip leaves out the magic number of a zstd frame.
func strip(frame []byte) []byte { return frame[len(zstdMagic):] }

// compress appends coding and content, compressed if that makes it shorter.
func (c *Codec) compress(b, content []byte, withDict bool) []byte {
	if len(content) >= minCompress {
		enc, coding := c.plain, uint64(codingZstd)
		if withDict {
			enc, coding = c.records, codingRecords
		}
		if packed := strip(enc.EncodeAll(content, nil)); len(packed) < len(content) {
			return append(appendUvarint(b, coding), packed...)
		}
	}
	return append(appendUvarint(b, codingRaw), content...)
}

// decompress reads what compress appended, all that is left of the cursor.
// Raw content belongs to the cursor's buffer.
func (c *Codec) decompress(in *cursor, what string) []byte {
	coding := in.uvarint(what)
	body := in.bytes(what, in.left())
	switch {
	case in.err != nil:
		return nil
	case coding == codingRaw:
		return body
	case coding == codingZstd:
		return c.unzstd(in, body, 0, what)
	case coding == codingRecords:
		return c.unzstd(in, body, DictRecords, what)
	}
	in.fail(ErrUnknownDictionary, what)
	return nil
}

// compressChanges appends coding and the streams of packed changes, in
// whichever form is shortest.
func (c *Codec) compressChanges(b, nums, letters []byte) []byte {
	best := append(appendUvarint(nil, codingChanges), c.changes.encode(nil, nums, letters)...)
	// zstd needs some repetition to win.
	if len(nums)+len(letters) >= 512 {
		plain := append(appendPrefixed(nil, string(nums)), letters...)
		if z := c.compress(nil, plain, false); len(z) < len(best) {
			best = z
		}
	}
	return append(b, best...)
}

// decompressChanges reads what compressChanges appended, all that is left.
func (c *Codec) decompressChanges(in *cursor) (nums, letters []byte) {
	const what = "packed changes"
	if in.left() > 0 && uint64(in.buf[in.off]) == codingChanges {
		in.off++
		return c.changes.decode(in, what)
	}
	plain := &cursor{buf: c.decompress(in, what)}
	if in.err != nil {
		return nil, nil
	}
	nums = plain.prefixed(what, syncproto.MaxUnpacked)
	letters = plain.bytes(what, plain.left())
	if plain.err != nil {
		in.err = plain.err
	}
	return nums, letters
}

// unzstd reads one zstd frame without its magic number.
func (c *Codec) unzstd(in *cursor, body []byte, dict uint32, what string) []byte {
	frame := append([]byte(zstdMagic), body...)
	var h zstd.Header
	if err := h.Decode(frame); err != nil || !h.HasFCS || h.Skippable || h.HasCheckSum || h.DictionaryID != dict {
		in.fail(ErrMalformed, what)
		return nil
	}
	if h.FrameContentSize > syncproto.MaxUnpacked {
		in.fail(ErrTooLarge, what)
		return nil
	}
	if h.FrameContentSize > blockBound(frame[h.HeaderSize:]) {
		in.fail(ErrMalformed, what)
		return nil
	}
	out, err := c.dec.DecodeAll(frame, make([]byte, 0, h.FrameContentSize))
	if err != nil || uint64(len(out)) != h.FrameContentSize {
		in.fail(ErrMalformed, what)
		return nil
	}
	return out
}

// blockBound returns the most that the blocks of a zstd frame can unpack to,
// 0 if they do not end with the input. It spares the memory that a frame
// announces and cannot fill.
func blockBound(blocks []byte) (bound uint64) {
	for len(blocks) >= 3 {
		head := uint32(blocks[0]) | uint32(blocks[1])<<8 | uint32(blocks[2])<<16
		last, kind, size := head&1 == 1, head>>1&3, int(head>>3)
		taken := size
		switch kind {
		case 0: // as it is
			bound += uint64(size)
		case 1: // one byte, repeated
			bound += uint64(size)
			taken = 1
		default:
			bound += maxBlock
		}
		if taken > len(blocks)-3 {
			return 0
		}
		blocks = blocks[3+taken:]
		if last {
			break
		}
	}
	if len(blocks) != 0 {
		return 0
	}
	return bound
}
