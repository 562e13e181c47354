package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/access"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// field is a small piece of field work, as it arrives from two phones.
type field struct {
	ctx    context.Context
	server *server.Server
	store  *sqlitestore.Store
	forms  *schemas.Package
	codec  *wire.Codec
	// scope is the place's plain one, persons that of people.
	scope, persons syncproto.ScopeID
	now            int64
}

// phone is a device whose changes arrive one by one.
type phone struct {
	f      *field
	person syncproto.PersonID
	role   uint8
	device syncproto.DeviceID
	log    syncproto.LogID
	seq    uint64
	head   syncproto.Hash
	sealer *wire.BatchSealer
	opener *wire.BatchOpener
}

// seed brings what two people recorded in a neighbourhood to the server in the
// data directory, as if both had synchronised: seed PERSON PERSON PLACE. It
// sets ASSET to the id of a record whose title is in conflict.
//
// The second person's last two changes are set aside: one breaks a rule of its
// field, the other is in a scope where they may not write. The script reads
// their ids from the list.
func seed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: seed PERSON PERSON PLACE")
	}
	asset, err := record(ts.MkAbs("data"), args[0], args[1], args[2])
	ts.Check(err)
	ts.Setenv("ASSET", asset.String())
}

func record(dir, first, second, place string) (asset syncproto.RecordID, err error) {
	err = inField(dir, func(f *field) error {
		one, err := f.phone(first, place, 1)
		if err != nil {
			return err
		}
		two, err := f.phone(second, place, 2)
		if err != nil {
			return err
		}
		asset, err = f.work(one, two)
		return err
	})
	return asset, err
}

// inField has something done with a server over the data in a directory.
func inField(dir string, do func(*field) error) (err error) {
	ctx := context.Background()
	st, err := sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, databaseName)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	erased, err := sqlitestore.OpenErasures(filepath.Join(dir, erasuresName))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, erased.Close()) }()
	f := &field{ctx: ctx, store: st, now: time.Now().UnixMilli()}
	if f.forms, err = forms.Load(); err != nil {
		return err
	}
	if f.codec, err = wire.NewCodec(); err != nil {
		return err
	}
	random, begun := rand.NewChaCha8([32]byte{3}), f.now
	f.server, err = server.Open(ctx, server.Options{Store: st, Packages: f.forms, Erasures: journal{erased}, Clock: func() int64 { return f.now },
		Uptime: func() int64 { return f.now - begun }, Rand: random})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.server.Close()) }()
	return do(f)
}

// phone enrols a device for a person and looks up the place's plain scope.
func (f *field) phone(person, place string, n byte) (*phone, error) {
	p := &phone{f: f, role: 10}
	key := ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%032d", n)))
	public := [32]byte(key.Public().(ed25519.PublicKey))
	p.device = wire.DeviceOf(public)
	err := f.store.Update(f.ctx, func(tx store.Tx) error {
		who, err := access.FindPerson(tx, person)
		if err != nil {
			return err
		}
		where, err := access.FindPlace(tx, place)
		if err != nil {
			return err
		}
		p.person = who.ID
		f.scope, f.persons = syncproto.ScopeOf(where.ID, access.Plain), syncproto.ScopeOf(where.ID, access.Persons)
		err = tx.PutDevice(store.Device{ID: p.device, Person: who.ID, Key: public, Noise: [32]byte{n}, Name: "گوشی " + who.Name, Enrolled: f.now, LastSeen: f.now, App: "test"})
		if err != nil {
			return err
		}
		return tx.AddDevicePerson(p.device, who.ID)
	})
	cert := wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{n, 1}, LogKey: public, Serial: 1, Created: f.now}, key)
	p.log, p.head = cert.Log, syncproto.ChainStart(cert.Log)
	p.sealer, p.opener = wire.NewBatchSealer(f.codec, wire.PurposePush, cert, key), wire.NewBatchOpener(f.codec)
	return p, err
}

const assetForm = 12

// The fields of the asset form that are written.
const (
	assetCategory = 10
	assetSubtype  = 11
	assetTitle    = 12
	assetRating   = 21
)

func (f *field) work(one, two *phone) (syncproto.RecordID, error) {
	asset := syncproto.RecordID{0x01, 0x98, 0, 0, 0, 0, 0x70, 1, 0x80}
	title := func(s string) map[schemas.FieldID]schemas.Value {
		return map[schemas.FieldID]schemas.Value{assetTitle: schemas.TextValue(s)}
	}
	if err := one.save(asset, f.scope, map[schemas.FieldID]schemas.Value{assetCategory: schemas.CodeValue("physical"), assetTitle: schemas.TextValue("سالن ورزش")}, nil); err != nil {
		return asset, err
	}
	opened, err := f.state(asset)
	if err != nil {
		return asset, err
	}
	other := syncproto.RecordID{0x01, 0x98, 0, 0, 0, 0, 0x70, 2, 0x80}
	steps := []func() error{
		func() error {
			return one.save(asset, f.scope, title("سالن ورزشی شهید رضایی"), opened)
		},
		func() error { return two.save(asset, f.scope, title("باشگاه محله"), opened) },
		func() error {
			return two.save(other, f.scope, map[schemas.FieldID]schemas.Value{assetCategory: schemas.CodeValue("individual"), assetTitle: schemas.TextValue("بنّای محله"), assetRating: schemas.IntValue(9)}, nil)
		},
		func() error {
			elsewhere := syncproto.ScopeOf(syncproto.PlaceID{1}, access.Plain)
			return two.save(syncproto.RecordID{0x01, 0x98, 0, 0, 0, 0, 0x70, 3, 0x80}, elsewhere, title("محلهٔ دیگر"), nil)
		},
	}
	for _, step := range steps {
		f.now += 60_000
		if err := step(); err != nil {
			return asset, err
		}
	}
	return asset, nil
}

func (f *field) state(id syncproto.RecordID) (s *syncproto.RecordState, err error) {
	err = f.store.View(f.ctx, func(r store.Reader) error {
		row, err := r.Record(id)
		s = row.State
		return err
	})
	return s, err
}

// save writes an asset.
func (p *phone) save(id syncproto.RecordID, scope syncproto.ScopeID, values map[schemas.FieldID]schemas.Value, opened *syncproto.RecordState) error {
	return p.write(assetForm, id, scope, values, opened)
}

// write makes a change out of what the person wrote and sends it.
func (p *phone) write(number schemas.FormID, id syncproto.RecordID, scope syncproto.ScopeID, values map[schemas.FieldID]schemas.Value, opened *syncproto.RecordState) error {
	form, ok := p.f.forms.Form(number)
	if !ok {
		return fmt.Errorf("there is no form %d", number)
	}
	h := syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: uint32(number), Package: p.f.forms.Version, Scope: scope,
		OriginLog: p.log, OriginSeq: p.seq + 1, Author: p.person, Role: p.role, Time: p.f.now, Corrected: true}
	before := schemas.Record{Form: form.ID}
	if opened == nil {
		h.Verb, opened = syncproto.VerbCreate, syncproto.NewRecordState(id)
	} else {
		h.Base, before = opened.Latest, merge.Content(form, opened)
	}
	after := before.Clone()
	if after.Fields == nil {
		after.Fields = map[schemas.FieldID]schemas.Value{}
	}
	for field, v := range values {
		after.Fields[field] = v
	}
	e := merge.Edit{Form: form, Opened: opened, Before: before, After: after, Author: p.person,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(p.log, p.seq+1, n) }}
	ch, err := wire.NewChange(h, [16]byte{byte(p.seq)}, e.Ops())
	if err != nil {
		return err
	}
	raw, _, err := p.sealer.Seal(p.seq+1, p.head, []*syncproto.Change{ch}, 0)
	if err != nil {
		return err
	}
	batch, err := p.opener.Open(raw)
	if err != nil {
		return err
	}
	got, err := p.f.server.Hub().Accept(p.f.ctx, p.device, batch)
	p.seq, p.head = got.Received, got.Head
	return err
}
