package sessionstore

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/syncproto"
	"mahalleh/syncproto/planted"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// ReadEnrol implements syncer.Store.
func (s *Store) ReadEnrol(ctx context.Context, e session.ReadEnrol) (session.EnrolRead, error) {
	id, err := s.local.Identity(ctx)
	if err != nil {
		return session.EnrolRead{}, translate(err)
	}
	keys, err := s.local.Keys()
	if err != nil {
		return session.EnrolRead{}, translate(err)
	}
	log, _, err := s.current(ctx)
	if err != nil {
		return session.EnrolRead{}, err
	}
	return session.EnrolRead{Enrol: wire.Enrol{Secret: slices.Concat(id.Secret, id.First), DeviceKey: [32]byte(keys.Enrolment.Public().(ed25519.PublicKey)),
		Name: s.name, Cert: log.Cert, Proof: ed25519.Sign(keys.Enrolment, wire.EnrolProof(e.Handshake))}}, nil
}

// SaveEnrolment implements syncer.Store.
func (s *Store) SaveEnrolment(ctx context.Context, e session.SaveEnrolment) error {
	id, err := s.local.Identity(ctx)
	if err != nil {
		return translate(err)
	}
	id.Person, id.Provisional, id.Name = e.Enrolled.Person, false, e.Enrolled.Name
	id.Confirmed, id.Server = true, e.Enrolled.ServerKeys
	// What was told before may have been somebody else's: it is asked for anew.
	known, err := Grants(ctx, s.local)
	if err == nil && known.GrantSerial != 0 {
		known.GrantSerial = 0
		err = s.save(ctx, settingGrants, known)
	}
	if err != nil {
		return translate(err)
	}
	return translate(s.local.SetIdentity(ctx, id))
}

// Forgotten implements syncer.Forgetful. The secret of the code is kept for it:
// it is good once at the server, and only for this device's key.
func (s *Store) Forgotten(ctx context.Context) error {
	id, err := s.local.Identity(ctx)
	if err != nil || len(id.Secret) == 0 {
		return translate(err)
	}
	id.Confirmed = false
	return translate(s.local.SetIdentity(ctx, id))
}

// ReadHello implements syncer.Store.
func (s *Store) ReadHello(ctx context.Context) (session.HelloRead, error) {
	var r session.HelloRead
	s.forget()
	id, err := s.local.Identity(ctx)
	if err != nil {
		return r, translate(err)
	}
	log, ancestors, err := s.current(ctx)
	if err != nil {
		return r, err
	}
	h := &r.Hello
	h.Device, h.Cert, h.Log, h.HeadSeq, h.Head, h.ResultsFrom = id.Device, log.Cert, log.Log, log.HeadSeq, log.Head, log.ResultsFrom
	h.App, h.Packages, h.Dictionaries = s.app, []uint32{s.forms}, s.codec.Dictionaries()
	for _, a := range named(ancestors) {
		h.Ancestors = append(h.Ancestors, wire.Ancestor{Log: a.Log, Kept: a.First, HeadSeq: a.HeadSeq, Head: a.Head, Cert: a.Cert})
		r.AncestorResults = append(r.AncestorResults, a.ResultsFrom)
	}
	if r.Proved, err = s.proved(ctx, log.Log); err != nil {
		return r, err
	}
	s.told[log.Log] = true
	for _, a := range h.Ancestors {
		s.told[a.Log] = true
	}
	scopes, err := s.local.Scopes(ctx)
	if err != nil {
		return r, translate(err)
	}
	for _, c := range scopes {
		cursor := c.Cursor
		if !c.Checked {
			cursor.Sum = [16]byte{}
		}
		h.Cursors = append(h.Cursors, cursor)
	}
	if err := s.nameActs(ctx, h); err != nil {
		return r, translate(err)
	}
	grants, err := Grants(ctx, s.local)
	if err != nil {
		return r, translate(err)
	}
	h.Grants = grants.GrantSerial
	for _, g := range grants.Grants {
		r.Scopes = append(r.Scopes, g.Scope)
	}
	if h.Unsettled, err = s.local.Unsettled(ctx, wire.MaxUnsettled); err != nil {
		return r, translate(err)
	}
	q, err := s.local.Queue(ctx)
	if err != nil {
		return r, translate(err)
	}
	h.Queue, h.OldestQueued = q.Changes, q.Oldest
	return r, nil
}

// named picks the ancestors that Hello names: those of which something is kept.
// Of more than fit, those wait that a backup holds whole, then the oldest.
func named(ancestors []localstore.LogStatus) []localstore.LogStatus {
	kept := slices.DeleteFunc(slices.Clone(ancestors), func(a localstore.LogStatus) bool {
		return a.First > a.HeadSeq || a.Received >= a.HeadSeq && planted.Bug("a received ancestor is not named any more")
	})
	for _, safe := range []bool{true, false} {
		for i := 0; i < len(kept) && len(kept) > wire.MaxAncestors; {
			if a := &kept[i]; safe == (a.BackupSafe >= a.HeadSeq && a.ResultsFrom > a.HeadSeq) {
				kept = slices.Delete(kept, i, i+1)
				continue
			}
			i++
		}
	}
	return kept
}

// SaveWelcome implements syncer.Store.
func (s *Store) SaveWelcome(ctx context.Context, e session.SaveWelcome) (session.WelcomeSaved, error) {
	w := &e.Welcome
	log, _, err := s.current(ctx)
	if err != nil {
		return session.WelcomeSaved{}, err
	}
	wrong, err := s.contradicts(ctx, log, w.Received, w.ReceivedHead)
	if err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	if err := s.local.NoteServerTime(ctx, time.UnixMilli(w.ServerTime)); err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	if !wrong && !w.Fork {
		s.held = heldLog{log.Log, w.ReceivedHead}
		if err := s.local.SetReceived(ctx, log.Log, w.Received); err != nil {
			return session.WelcomeSaved{}, translate(err)
		}
		if err := s.local.MarkBackupSafe(ctx, log.Log, w.BackupSafe); err != nil {
			return session.WelcomeSaved{}, translate(err)
		}
	}
	for _, a := range w.Ancestors {
		if err := s.local.SetReceived(ctx, a.Log, a.Received); err != nil && !errors.Is(err, localstore.ErrNotFound) {
			return session.WelcomeSaved{}, translate(err)
		}
		if err := s.local.MarkBackupSafe(ctx, a.Log, a.BackupSafe); err != nil && !errors.Is(err, localstore.ErrNotFound) {
			return session.WelcomeSaved{}, translate(err)
		}
	}
	if !wrong && !w.Fork {
		if err := s.letGo(ctx); err != nil {
			return session.WelcomeSaved{}, err
		}
	}
	known, err := Grants(ctx, s.local)
	if err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	// The server leaves the note out if the device has it. One without rights, of
	// another serial, says that the last one was taken.
	if len(w.Grants) > 0 || w.GrantSerial != known.GrantSerial {
		note := wire.GrantsNote{GrantSerial: w.GrantSerial, Grants: w.Grants, Places: w.Places, People: w.People}
		if err := s.SaveGrants(ctx, session.SaveGrants{Grants: note}); err != nil {
			return session.WelcomeSaved{}, err
		}
	}
	server := Server{Era: w.Era, Lease: w.Lease, LeaseFrom: uint64(s.local.Lived().Seconds()), Contact: w.ServerTime}
	broken, err := s.judgeActs(ctx, w)
	if err != nil {
		return session.WelcomeSaved{}, translate(err)
	}
	return session.WelcomeSaved{Contradicted: wrong, ActsBroken: broken}, translate(s.save(ctx, settingServer, server))
}

// contradicts reports whether the server's log is not this one's beginning.
func (s *Store) contradicts(ctx context.Context, log localstore.LogStatus, received uint64, head syncproto.Hash) (bool, error) {
	switch {
	case received > log.HeadSeq:
		return true, nil
	case received == log.HeadSeq:
		return head != log.Head, nil
	case received+1 < log.First:
		return false, nil // that part is no longer kept; it is in a backup
	}
	b, err := s.local.ReadBatch(ctx, log.Log, received+1, 1, 1)
	if err != nil {
		return false, err
	}
	return b.First == received+1 && b.Prev != head, nil
}
