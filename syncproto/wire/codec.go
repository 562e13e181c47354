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

// DictChanges is the one dictionary so far: a table of prefix codes for the
// packed changes of a batch, trained on synthetic ones. A changed dictionary
// gets a new number; the old ones stay, for batches that lie in bundles and
// backups.
const DictChanges uint32 = 1

// The codings: as it is and zstd, for frames; prefix codes, for batches; a model
// that learns, for both.
const (
	codingRaw      = 0
	codingZstd     = 1
	codingPrefix   = 2
	codingAdaptive = 3
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
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	changes *prefixTable
	fold    *folder
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
	c.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	c.dec, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(syncproto.MaxUnpacked), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(syncproto.MaxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return c, nil
}

// Dictionaries returns the ids of the dictionaries of this release.
func (c *Codec) Dictionaries() []uint32 { return []uint32{DictChanges} }

// strip leaves out the magic number of a zstd frame.
func strip(frame []byte) []byte { return frame[len(zstdMagic):] }

// compress appends coding and content, compressed if that makes it shorter.
func (c *Codec) compress(b, content []byte) []byte {
	if len(content) >= minCompress {
		if packed := strip(c.enc.EncodeAll(content, nil)); len(packed) < len(content) {
			return append(appendUvarint(b, codingZstd), packed...)
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
		return c.unzstd(in, body, what)
	}
	in.fail(ErrUnknownDictionary, what)
	return nil
}

// fewChanges is up to how many changes of a batch the fixed codes may win: what
// the model knows of more of them has paid for what it had to learn.
const fewChanges = 24

// packChanges appends the packed changes of a batch, in whichever coding is
// shorter.
func (c *Codec) packChanges(b []byte, log syncproto.LogID, tables *Tables, first uint64, changes []*syncproto.Change) []byte {
	if len(changes) > fewChanges {
		return c.packWith(codingAdaptive, b, log, tables, first, changes)
	}
	fixed := c.packWith(codingPrefix, nil, log, tables, first, changes)
	if len(changes) > 1 {
		if learnt := c.packWith(codingAdaptive, nil, log, tables, first, changes); len(learnt) < len(fixed) {
			return append(b, learnt...)
		}
	}
	return append(b, fixed...)
}

// packWith appends changes in one of the codings of batches.
func (c *Codec) packWith(coding uint64, b []byte, log syncproto.LogID, tables *Tables, first uint64, changes []*syncproto.Change) []byte {
	s := &streams{fold: c.fold}
	a := newAdaptive(newWriting(), c.fold)
	p := newPacker(log, tables, a)
	if coding == codingPrefix {
		p.tape = s
	}
	for i, ch := range changes {
		p.change(first+uint64(i), ch)
	}
	if coding == codingPrefix {
		b = appendUvarint(appendPrefixed(b, s.raw.buf), coding)
		return c.changes.encode(b, s.nums.buf, s.letters.buf)
	}
	b = appendUvarint(appendPrefixed(b, a.raw.buf), coding)
	return append(b, a.finish()...)
}

// unpackChanges reads what packChanges appended, n changes, all that is left.
func (c *Codec) unpackChanges(in *cursor, log syncproto.LogID, tables *Tables, first uint64, n int) ([]BatchEntry, error) {
	const what = "packed changes"
	raw := cursor{buf: in.prefixed("ids and secrets", syncproto.MaxFrame)}
	coding := in.uvarint(what)
	if in.err != nil {
		return nil, in.err
	}
	var t interface {
		tape
		end() error
	}
	switch coding {
	case codingPrefix:
		s := &streams{fold: c.fold, reading: true, raw: raw}
		s.nums.buf, s.letters.buf = c.changes.decode(in, what)
		t = s
	case codingAdaptive:
		a := newAdaptive(newReading(in.bytes(what, in.left())), c.fold)
		a.raw = raw
		t = a
	default:
		in.fail(ErrUnknownDictionary, what)
	}
	if in.err != nil {
		return nil, in.err
	}
	u := &unpacker{model: newModel(log, tables), tape: t, budget: syncproto.MaxUnpacked}
	entries := make([]BatchEntry, n)
	for i := range entries {
		var err error
		if entries[i], err = u.change(first + uint64(i)); err != nil {
			return nil, fmt.Errorf("change %d: %w", first+uint64(i), err)
		}
	}
	return entries, t.end()
}

// unzstd reads one zstd frame without its magic number.
func (c *Codec) unzstd(in *cursor, body []byte, what string) []byte {
	frame := append([]byte(zstdMagic), body...)
	var h zstd.Header
	if err := h.Decode(frame); err != nil || !h.HasFCS || h.Skippable || h.HasCheckSum || h.DictionaryID != 0 {
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
