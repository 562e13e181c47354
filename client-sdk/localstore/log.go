package localstore

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/wire"
)

// seqBits is how many low bits of entry.at hold the sequence: a trillion
// changes in a log, eight million logs.
const seqBits = 40

func at(log int64, seq uint64) int64 { return log<<seqBits | int64(seq) }

func seqOf(at int64) uint64 { return uint64(at & (1<<seqBits - 1)) }

// At is where and when the changes of a saving stand.
type At struct {
	// Log and Seq are where the first change will stand; the n-th after it has
	// Seq+n.
	Log syncproto.LogID
	Seq uint64
	// Time, Correction, Uptime and Boot are what the headers will say.
	Time       int64
	Corrected  bool
	Correction int64
	Uptime     uint64
	Boot       uint64
	// drawn is what the ids of new list items are made of.
	drawn [16]byte
}

// NewItem is the id of the n-th new list item or attachment of the change at a
// sequence. It is drawn for this saving alone: one that followed from log and
// sequence (syncproto.OwnItem) would be sixteen bytes shorter on the line, and a
// copy of this database that adds an item under the same sequence would give it
// the same id.
func (a At) NewItem(seq uint64, n int) syncproto.ItemID {
	return syncproto.OwnItem(syncproto.LogID(a.drawn), seq, n)
}

// NewChange is a change to be appended. The store fills in the header's origin,
// times and commitment, and the parent if it is zero.
type NewChange struct {
	Header syncproto.Header
	Ops    []syncproto.Op
	// Before is what stood where the change puts something else, as the caller
	// wants to read it again (Store.Before); it is kept on the device alone.
	Before []byte
}

// Saving is one saved form: one change, or a group of several records' changes.
type Saving struct {
	Changes []NewChange
	// Drafts are those that the saving ends.
	Drafts []DraftID
}

// Append saves a form: build is told where the changes will stand and returns
// them; all of it is one commit and one sync. An error that wraps ErrIO leaves
// open whether the changes are there: look before saving again. build must not
// call the store.
func (s *Store) Append(ctx context.Context, build func(At) (Saving, error)) ([]*syncproto.Change, error) {
	s.write.Lock()
	defer s.write.Unlock()
	// Opening the file again may find that a new log is wanted.
	if err := s.ready(ctx); err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	if err := s.forkIfWanted(ctx); err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	made, err := s.save(ctx, build)
	if err != nil {
		return nil, err
	}
	if err := s.foldBack(ctx, walHard); err != nil {
		return made, nil // the save itself stands
	}
	return made, nil
}

// save is one attempt of Append.
func (s *Store) save(ctx context.Context, build func(At) (Saving, error)) (made []*syncproto.Change, err error) {
	err = s.changeLocked(ctx, "save", func(t *tx, k *keyring) error {
		where := s.at()
		if err := s.random(where.drawn[:]); err != nil {
			return err
		}
		saving, err := build(where)
		if err != nil {
			return err
		}
		head := s.cur
		for i := range saving.Changes {
			ch, err := t.make(&saving.Changes[i], where, head.seq+1)
			if err != nil {
				return err
			}
			if err := t.append(k, &head, ch); err != nil {
				return err
			}
			if err := t.fits(k, ch); err != nil {
				return err
			}
			if err := t.remember(ch, saving.Changes[i].Before); err != nil {
				return err
			}
			made = append(made, ch)
			if planted.Bug("the head moves in memory before the commit") {
				s.cur = head
			}
		}
		for _, id := range saving.Drafts {
			if err := t.dropDraft(id); err != nil {
				return err
			}
		}
		_, err = t.exec("UPDATE log SET head_seq = ?, head = ?, top = ? WHERE n = ?", head.seq, head.head[:], head.seq, head.n)
		if err != nil {
			return err
		}
		t.done(func() {
			s.cur = head
			s.writeSide()
		})
		return t.tick()
	})
	return made, err
}

// smallRecord is what a record and the changes on it may have in bytes without
// anybody weighing it: a candidate takes three of them at least, and so many
// candidates are not too large (RecordState.TooLarge).
const smallRecord = 8 << 10

// fits says ErrTooLarge if the record would become too large with a change that
// was just appended: the server would set it aside.
func (t *tx) fits(k *keyring, ch *syncproto.Change) error {
	var bytes int
	err := t.row(`SELECT coalesce((SELECT length(state) FROM shadow WHERE record = ?1), 0) +
		coalesce((SELECT sum(size) FROM entry WHERE record = ?1 AND overlay = 1), 0)`, ch.Header.Record[:]).Scan(&bytes)
	if err != nil {
		return translate(err)
	}
	if bytes <= smallRecord {
		return nil
	}
	h, err := readHeld(t.ctx, t, k, ch.Header.Record, false)
	if err == nil && slices.Contains(h.Aside, ch.ID) {
		return fmt.Errorf("change of record %v: %w", ch.Header.Record, ErrTooLarge)
	}
	return err
}

func (s *Store) at() At {
	a := At{Log: s.cur.id, Seq: s.cur.seq + 1, Time: s.now(), Boot: s.life.boot,
		Uptime: uint64(max(s.opt.Clock.Uptime(), s.life.uptime).Milliseconds())}
	if s.life.correction != nil {
		a.Corrected, a.Correction = true, *s.life.correction
	}
	return a
}

func (t *tx) make(n *NewChange, where At, seq uint64) (*syncproto.Change, error) {
	h := n.Header
	h.OriginLog, h.OriginSeq = where.Log, seq
	h.Time, h.Corrected, h.Correction = where.Time, where.Corrected, where.Correction
	h.Uptime, h.Boot = where.Uptime, where.Boot
	if h.Parent.IsZero() {
		var parent []byte
		err := t.row("SELECT change FROM entry WHERE record = ? ORDER BY at DESC LIMIT 1", h.Record[:]).Scan(&parent)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, translate(err)
		}
		copy(h.Parent[:], parent)
	}
	var secret [16]byte
	if err := t.s.random(secret[:]); err != nil {
		return nil, err
	}
	return wire.NewChange(h, secret, n.Ops)
}

// append adds a change, with the bytes it has, at the end of the log.
func (t *tx) append(k *keyring, head *logHead, ch *syncproto.Change) error {
	sk, err := t.scope(ch.Header.Scope)
	if err != nil {
		return err
	}
	if sk.purge {
		return fmt.Errorf("change in scope %v: %w", sk.id, ErrScopeGone)
	}
	head.seq++
	head.head = syncproto.ChainNext(head.head, ch.HeaderBytes)
	body := wire.AppendChange(nil, ch)
	sealed, err := sk.key.seal(t.s.opt.Rand, entryWhere("change", head.id, head.seq), body)
	if err != nil {
		return err
	}
	id, record := ch.ID, ch.Header.Record
	// What is saved after the record's erasure came has to be forgotten like what
	// was saved before.
	_, err = t.exec(`INSERT INTO entry (at, change, record, scope, chain, size, saved, overlay, redact, body)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, EXISTS (SELECT 1 FROM shadow WHERE record = ?3 AND gone = ?9), ?8)`,
		at(head.n, head.seq), id[:], record[:], sk.n, head.head[:], len(body), ch.Header.Time, sealed, goneErased)
	t.touch(record)
	return err
}

func entryWhere(what string, log syncproto.LogID, seq uint64) []byte {
	return bound(what, log[:], be64(seq))
}

// openLog begins a new log; nothing of the file's writing may stand under the
// old one afterwards.
func (t *tx) openLog(reason string) error {
	s := t.s
	next := logHead{serial: s.cur.serial + 1}
	if err := s.random(next.id[:]); err != nil {
		return err
	}
	seed, err := newKey(s.opt.Rand)
	if err != nil {
		return err
	}
	private := ed25519.NewKeyFromSeed(seed[:])
	created := s.now()
	cert := wire.SignLogCert(wire.LogCert{Log: next.id, LogKey: [32]byte(private.Public().(ed25519.PublicKey)),
		Serial: next.serial, Created: created}, s.keys.enrolment)
	next.id = cert.Log
	sealed, err := s.keys.device.seal(s.opt.Rand, bound("log key", next.id[:]), seed[:])
	if err != nil {
		return err
	}
	next.head = syncproto.ChainStart(next.id)
	err = t.row(`INSERT INTO log (id, serial, created, reason, cert, key, head_seq, head, top, first_prev)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?, 0, ?) RETURNING n`,
		next.id[:], next.serial, created, reason, wire.AppendLogCert(nil, cert), sealed, next.head[:], next.head[:]).Scan(&next.n)
	if err != nil {
		return fmt.Errorf("open log: %w", translate(err))
	}
	if err := t.reissue(&next); err != nil {
		return err
	}
	if _, err := t.exec("UPDATE device SET fork = ''"); err != nil {
		return err
	}
	t.done(func() {
		s.cur, s.fork = next, ""
		s.mu.Lock()
		s.keys.log = private
		s.mu.Unlock()
		s.writeSide()
	})
	return nil
}
