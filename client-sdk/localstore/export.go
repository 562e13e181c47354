package localstore

import (
	"bufio"
	"context"
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// An export: exportMagic; the length of a sealed box in two bytes, the box,
// which holds the key of what follows; then pieces, each four bytes of length
// and as many sealed bytes, bound to their number. A piece begins with what it
// is: a log's certificate, an own change with its sequence in eight bytes, or
// the end with the number of changes, so that a cut is noticed.
const (
	exportMagic = "mahalleh pending 1\n"

	pieceLog    = 1
	pieceChange = 2
	pieceEnd    = 3

	// maxPiece bounds a piece: a change and what surrounds it.
	maxPiece = syncproto.MaxChange + 1024
	// exportBatch is how many changes are read at a time.
	exportBatch = 100
)

// ExportPending writes all changes that the server is not known to hold,
// sealed for the holder of an X25519 key (nil: the province's recovery key),
// and returns how many. It only reads, so it also works when the disk is full.
func (s *Store) ExportPending(ctx context.Context, w io.Writer, to []byte) (n int, err error) {
	x := &exporter{s: s, w: w}
	if n, err = x.run(ctx, to); err != nil {
		return n, fmt.Errorf("export what is pending: %w", err)
	}
	return n, nil
}

type exporter struct {
	s     *Store
	w     io.Writer
	key   key
	piece uint64
}

func (x *exporter) run(ctx context.Context, to []byte) (n int, err error) {
	if to == nil {
		if to, err = x.s.recoveryPublic(ctx); err != nil {
			return 0, err
		}
	}
	if err := x.begin(to); err != nil {
		return 0, err
	}
	logs, err := x.s.Logs(ctx)
	if err != nil {
		return 0, err
	}
	for _, l := range logs {
		if l.Received >= l.HeadSeq {
			continue
		}
		if err := x.write(pieceLog, l.Cert); err != nil {
			return n, err
		}
		for seq := max(l.Received+1, l.First); seq <= l.HeadSeq; {
			b, err := x.s.ReadBatch(ctx, l.Log, seq, exportBatch, syncproto.MaxUnpacked)
			if err != nil {
				return n, err
			}
			for i, ch := range b.Changes {
				if err := x.write(pieceChange, wire.AppendChange(be64(b.First+uint64(i)), ch)); err != nil {
					return n, err
				}
				n++
			}
			seq = b.Next()
		}
	}
	return n, x.write(pieceEnd, be64(uint64(n)))
}

func (x *exporter) begin(to []byte) error {
	x.s.write.Lock() // the random source serves one at a time
	defer x.s.write.Unlock()
	k, err := newKey(x.s.opt.Rand)
	if err != nil {
		return err
	}
	box, err := sealTo(x.s.opt.Rand, to, bound("pending key"), k[:])
	if err != nil {
		return err
	}
	x.key = k
	b := binary.BigEndian.AppendUint16([]byte(exportMagic), uint16(len(box)))
	_, err = x.w.Write(append(b, box...))
	return err
}

func (x *exporter) write(kind byte, content []byte) error {
	x.s.write.Lock()
	sealed, err := x.key.seal(x.s.opt.Rand, bound("pending", be64(x.piece)), append([]byte{kind}, content...))
	x.s.write.Unlock()
	if err != nil {
		return err
	}
	x.piece++
	_, err = x.w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...))
	return err
}

func (s *Store) recoveryPublic(ctx context.Context) (public []byte, err error) {
	err = s.view(ctx, func(q querier) error {
		err := q.QueryRowContext(ctx, "SELECT salt FROM wrap WHERE kind = ?", wrapRecovery).Scan(&public)
		return missing(err, ErrNoRecovery)
	})
	return public, err
}

// ReadExport reads what ExportPending wrote, and calls f for each change with
// the certificate of its log and its sequence there. Bytes that do not open or
// end too early wrap ErrCorrupt, a key that it was not sealed for ErrWrongSecret.
func ReadExport(r io.Reader, private *ecdh.PrivateKey, f func(cert *wire.LogCert, seq uint64, ch *syncproto.Change) error) (n int, err error) {
	x := &importer{r: bufio.NewReader(r)}
	if n, err = x.run(private, f); err != nil {
		return n, fmt.Errorf("read export: %w", err)
	}
	return n, nil
}

type importer struct {
	r     *bufio.Reader
	key   key
	piece uint64
}

func (x *importer) run(private *ecdh.PrivateKey, f func(*wire.LogCert, uint64, *syncproto.Change) error) (n int, err error) {
	if err := x.begin(private); err != nil {
		return 0, err
	}
	var cert *wire.LogCert
	for {
		kind, content, err := x.next()
		if err != nil {
			return n, err
		}
		switch {
		case kind == pieceLog:
			if cert, err = wire.DecodeLogCert(content); err != nil {
				return n, fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
		case kind == pieceChange && cert != nil && len(content) > 8:
			ch, err := wire.DecodeChange(content[8:])
			if err != nil {
				return n, fmt.Errorf("%w: %w", ErrCorrupt, err)
			}
			if err := f(cert, binary.BigEndian.Uint64(content), ch); err != nil {
				return n, err
			}
			n++
		case kind == pieceEnd && string(content) == string(be64(uint64(n))):
			return n, nil
		default:
			return n, fmt.Errorf("piece %d: %w", x.piece, ErrCorrupt)
		}
	}
}

func (x *importer) begin(private *ecdh.PrivateKey) error {
	head := make([]byte, len(exportMagic)+2)
	if _, err := io.ReadFull(x.r, head); err != nil || string(head[:len(exportMagic)]) != exportMagic {
		return fmt.Errorf("no export: %w", ErrCorrupt)
	}
	box := make([]byte, binary.BigEndian.Uint16(head[len(exportMagic):]))
	if _, err := io.ReadFull(x.r, box); err != nil {
		return fmt.Errorf("sealed key: %w", ErrCorrupt)
	}
	plain, err := openBox(private, bound("pending key"), box)
	if err != nil {
		return err
	}
	if len(plain) != len(x.key) {
		return fmt.Errorf("sealed key: %w", ErrCorrupt)
	}
	x.key = key(plain)
	return nil
}

func (x *importer) next() (kind byte, content []byte, err error) {
	var size [4]byte
	if _, err := io.ReadFull(x.r, size[:]); err != nil {
		return 0, nil, cut(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxPiece {
		return 0, nil, fmt.Errorf("piece of %d bytes: %w", n, ErrCorrupt)
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(x.r, sealed); err != nil {
		return 0, nil, cut(err)
	}
	plain, err := x.key.open(bound("pending", be64(x.piece)), sealed)
	if err != nil {
		return 0, nil, err
	}
	if len(plain) == 0 {
		return 0, nil, fmt.Errorf("piece %d is empty: %w", x.piece, ErrCorrupt)
	}
	x.piece++
	return plain[0], plain[1:], nil
}

// cut turns an early end into ErrCorrupt and lets other errors pass.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("export is cut: %w", ErrCorrupt)
	}
	return err
}
