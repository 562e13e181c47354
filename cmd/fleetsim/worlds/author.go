package worlds

import (
	"crypto/ed25519"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// author is a person with a device whose log is brought straight to the hub, or, for
// the watched one, through a session.
type author struct {
	person syncproto.PersonID
	key    ed25519.PrivateKey
	cert   *wire.LogCert
	noise  [32]byte

	changes []*syncproto.Change
	heads   []syncproto.Hash
	brought int
}

func newAuthor(n named) *author {
	seed, log, person := n.bytes("key"), n.bytes("log"), n.bytes("person")
	a := &author{person: syncproto.PersonID(person[:16]), key: ed25519.NewKeyFromSeed(seed[:]), noise: n.bytes("noise")}
	a.cert = wire.SignLogCert(wire.LogCert{Log: syncproto.LogID(log[:16]), LogKey: [32]byte(a.key.Public().(ed25519.PublicKey)), Serial: 1, Created: 1}, a.key)
	return a
}

// chain is the chain hash at a sequence of the log.
func (a *author) chain(seq uint64) syncproto.Hash {
	if seq == 0 {
		return syncproto.ChainStart(a.cert.Log)
	}
	return a.heads[seq-1]
}

// put writes the author's person, grant and device.
func (a *author) put(tx store.Tx, place syncproto.PlaceID, role, name string) error {
	if err := tx.PutPerson(store.Person{ID: a.person, Name: name}); err != nil {
		return err
	}
	if err := grant(tx, a.person, place, role); err != nil {
		return err
	}
	id := a.cert.Device()
	if err := tx.PutDevice(store.Device{ID: id, Person: a.person, Key: a.cert.DeviceKey, Noise: a.noise}); err != nil {
		return err
	}
	return tx.AddDevicePerson(id, a.person)
}

func grant(tx store.Tx, person syncproto.PersonID, place syncproto.PlaceID, role string) error {
	serial, err := tx.GrantSerial()
	if err != nil {
		return err
	}
	return tx.PutGrant(store.Grant{Person: person, Place: place, Role: role, Serial: serial + 1})
}

// write appends a change to the author's log.
func (a *author) write(w *world, verb syncproto.Verb, s *syncproto.RecordState, scope syncproto.ScopeID, ops []syncproto.Op) error {
	seq := uint64(len(a.changes) + 1)
	secret := named{w.seed, fmt.Sprint(a.cert.Log, seq)}.bytes("secret")
	form, pack := s.Form, w.tools.Forms.Version
	if form == 0 {
		form = w.form().formID()
	}
	ch, err := wire.NewChange(syncproto.Header{Verb: verb, Record: s.Record, Form: form, Package: pack, Scope: scope, OriginLog: a.cert.Log,
		OriginSeq: seq, Base: s.Latest, Author: a.person, Role: 5, Time: w.now}, [16]byte(secret[:16]), ops)
	if err != nil {
		return fmt.Errorf("write a change: %w", err)
	}
	a.heads = append(a.heads, syncproto.ChainNext(a.chain(seq-1), ch.HeaderBytes))
	a.changes = append(a.changes, ch)
	return nil
}

// assetForm is the form that all records of a world have.
type assetForm struct{ *schemas.Form }

func (f assetForm) formID() uint32 { return uint32(f.ID) }

// titled gives a record a title, or makes one.
func (a *author) titled(w *world, s *syncproto.RecordState, scope syncproto.ScopeID, title string) error {
	form := w.form()
	seq := uint64(len(a.changes) + 1)
	edit := merge.Edit{Form: form.Form, Opened: s, Before: merge.Content(form.Form, s), Author: a.person,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(a.cert.Log, seq, n) }}
	edit.After = edit.Before.Clone()
	values := map[string]schemas.Value{"title_fa": schemas.TextValue(title)}
	verb := syncproto.VerbEdit
	if !s.Exists() {
		verb = syncproto.VerbCreate
		values["category"], values["subtype"], values["condition"] = schemas.CodeValue("physical"), schemas.CodeValue("hall"), schemas.IntValue(3)
	}
	for name, v := range values {
		f, ok := form.FieldByName(name)
		if !ok {
			return fmt.Errorf("the form for assets has no field %q", name)
		}
		edit.After.Fields[f.ID] = v
	}
	return a.write(w, verb, s, scope, edit.Ops())
}

// bring has the hub accept what the author wrote since the last time.
func (a *author) bring(w *world) error {
	if a.brought == len(a.changes) {
		return nil
	}
	sealer := wire.NewBatchSealer(w.tools.Codec, wire.PurposePush, a.cert, a.key)
	raw, n, err := sealer.Seal(uint64(a.brought+1), a.chain(uint64(a.brought)), a.changes[a.brought:], 0)
	if err != nil {
		return fmt.Errorf("seal a batch: %w", err)
	}
	batch, err := wire.NewBatchOpener(w.tools.Codec).Open(raw)
	if err != nil {
		return fmt.Errorf("open a batch: %w", err)
	}
	if _, err := w.hub.Accept(w.ctx, a.cert.Device(), batch); err != nil {
		return fmt.Errorf("bring changes: %w", err)
	}
	a.brought += n
	return nil
}
