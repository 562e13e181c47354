package localstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
)

// headSuffix names the side file: log, sequence and chain hash of the last
// change this device appended. It is written after the commit and not synced,
// so it is never ahead of what was committed on this device; a database that
// is behind it was put back from an older copy. A torn or absent one says
// nothing, and the server's answer must tell.
const headSuffix = ".head"

// sideMagic leads the side file; 8 bytes of SHA-256 over the rest end it.
const sideMagic = "mahalleh head 1\n"

const sideSize = len(sideMagic) + 16 + 8 + 32 + 8

// Reasons for a new log that this package finds by itself.
const (
	// ForkBehind: the database is behind what this device wrote.
	ForkBehind = "older copy restored"
	// ForkDiverged: the database has another history than this device wrote.
	ForkDiverged = "another copy restored"
)

func appendSide(log syncproto.LogID, seq uint64, head syncproto.Hash) []byte {
	b := append([]byte(sideMagic), log[:]...)
	b = binary.BigEndian.AppendUint64(b, seq)
	b = append(b, head[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:8]...)
}

// writeSide notes the current head. Failing to is no failure of the save.
func (s *Store) writeSide() {
	if other(s.opt.Path + headSuffix) {
		return
	}
	f, err := os.OpenFile(s.opt.Path+headSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	f.WriteAt(appendSide(s.cur.id, s.cur.seq, s.cur.head), 0)
	f.Close()
}

// other reports whether something else lies in the side file's place: what a
// link leads to is not this program's to overwrite, and a pipe never answers.
func other(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && !info.Mode().IsRegular()
}

func readSide(path string) (log syncproto.LogID, seq uint64, head syncproto.Hash, ok bool) {
	if other(path + headSuffix) {
		return log, 0, head, false
	}
	f, err := os.Open(path + headSuffix)
	if err != nil {
		return log, 0, head, false
	}
	defer f.Close()
	b := make([]byte, sideSize+1)
	n, err := io.ReadFull(f, b)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return log, 0, head, false
	}
	return parseSide(b[:n])
}

// parseSide is the reverse of appendSide; ok is false for anything else.
func parseSide(b []byte) (log syncproto.LogID, seq uint64, head syncproto.Hash, ok bool) {
	if len(b) != sideSize || string(b[:len(sideMagic)]) != sideMagic {
		return log, 0, head, false
	}
	sum := sha256.Sum256(b[:sideSize-8])
	if string(sum[:8]) != string(b[sideSize-8:]) {
		return log, 0, head, false
	}
	b = b[len(sideMagic):]
	copy(log[:], b)
	copy(head[:], b[24:])
	return log, binary.BigEndian.Uint64(b[16:]), head, true
}

func (s *Store) compareSide(ctx context.Context) error {
	s.write.Lock()
	defer s.write.Unlock()
	return s.compareSideLocked(ctx)
}

// compareSideLocked looks whether the file is what this device last wrote, and
// if not, decides that a new log must be opened before anything is written.
func (s *Store) compareSideLocked(ctx context.Context) error {
	if planted.Bug("a sequence is used twice") {
		return nil
	}
	log, seq, head, ok := readSide(s.opt.Path)
	if !ok {
		s.writeSide()
		return nil
	}
	reason, err := s.behind(ctx, log, seq, head)
	if err != nil {
		return fmt.Errorf("compare with side file: %w", err)
	}
	if reason == "" {
		s.writeSide()
		return nil
	}
	s.fork = reason
	if s.db.tight {
		return nil // it is found again when there is room
	}
	// Not by an update, which would open the store anew when the disk fails: this
	// is part of opening it.
	_, err = s.db.write.ExecContext(ctx, "UPDATE device SET fork = ?", reason)
	if err = translate(err); err != nil && !errors.Is(err, ErrFull) {
		return fmt.Errorf("note older copy: %w", err)
	}
	return nil
}

// behind says why the file is not the one that wrote this head, "" if it is.
func (s *Store) behind(ctx context.Context, log syncproto.LogID, seq uint64, head syncproto.Hash) (reason string, err error) {
	err = s.view(ctx, func(q querier) error {
		var n int64
		var headSeq, top, first uint64
		var headHash, firstPrev []byte
		err := q.QueryRowContext(ctx, "SELECT n, head_seq, head, top, first, first_prev FROM log WHERE id = ?", log[:]).
			Scan(&n, &headSeq, &headHash, &top, &first, &firstPrev)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			reason = ForkBehind // it wrote a log that this file never heard of
			return nil
		case err != nil:
			return err
		case seq > top:
			reason = ForkBehind
			return nil
		case seq < first-1 || seq == 0 || seq > headSeq:
			return nil // long gone, or moved to a newer log: nothing to compare with
		}
		chain := headHash
		if seq == first-1 {
			chain = firstPrev
		} else if seq != headSeq {
			err = q.QueryRowContext(ctx, "SELECT chain FROM entry WHERE at = ?", at(n, seq)).Scan(&chain)
			if errors.Is(err, sql.ErrNoRows) {
				return nil // moved to a newer log
			}
			if err != nil {
				return err
			}
		}
		if string(chain) != string(head[:]) {
			reason = ForkDiverged
		}
		return nil
	})
	return reason, err
}
