package pages

import (
	"crypto/ed25519"
	"fmt"

	"mahalleh/schemas"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// setAside has somebody without a role send an asset of a neighbourhood, which is set
// aside.
func (o *office) setAside(n byte, hood uint32) {
	o.Helper()
	seed := [32]byte{n, 1}
	key := ed25519.NewKeyFromSeed(seed[:])
	cert := wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{n}, LogKey: [32]byte(key.Public().(ed25519.PublicKey)), Serial: 1, Created: 1}, key)
	person, place := syncproto.PersonID{n, 2}, syncproto.PlaceID{}
	h := o.server.Hub()
	o.must(h.Store().Update(o.Context(), func(tx store.Tx) error {
		p, err := tx.PlaceByNumber(hood)
		o.must(err)
		place = p.ID
		o.must(tx.PutPerson(store.Person{ID: person, Name: "رؤیا مرادی"}))
		o.must(tx.PutDevice(store.Device{ID: cert.Device(), Person: person, Key: cert.DeviceKey, Noise: [32]byte{n, 1}, Name: "گوشی رؤیا"}))
		return tx.AddDevicePerson(cert.Device(), person)
	}))
	f, _ := h.Packages().FormByName("asset")
	after := schemas.Record{Form: f.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	for name, v := range map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"), "title_fa": schemas.TextValue("سالن ورزش روستا"),
		"condition": schemas.IntValue(4), "capacity_value": schemas.IntValue(120)} {
		x, _ := f.FieldByName(name)
		after.Fields[x.ID] = v
	}
	record := syncproto.RecordID{n, 3}
	edit := merge.Edit{Form: f, Opened: syncproto.NewRecordState(record), Before: schemas.Record{Form: f.ID}, After: after, Author: person}
	ch, err := wire.NewChange(syncproto.Header{Verb: syncproto.VerbCreate, Record: record, Form: uint32(f.ID), Package: h.Packages().Version, Scope: syncproto.ScopeOf(place, string(f.Compartment)),
		OriginLog: cert.Log, OriginSeq: 1, Author: person, Time: o.now, Corrected: true}, [16]byte{n}, edit.Ops())
	o.must(err)
	codec, err := wire.NewCodec()
	o.must(err)
	raw, _, err := wire.NewBatchSealer(codec, wire.PurposeBundle, cert, key).Seal(1, syncproto.ChainStart(cert.Log), []*syncproto.Change{ch}, 0)
	o.must(err)
	batch, err := wire.NewBatchOpener(codec).Open(raw)
	o.must(err)
	got, err := h.Accept(o.Context(), cert.Device(), batch)
	o.must(err)
	if got.Results[0].Result.Outcome != syncproto.Quarantined {
		o.Fatalf("the change was %s", got.Results[0].Result.Outcome)
	}
}

// rivals has two people write different capacities of one asset, on what stood there.
func (o *office) rivals(n byte, hood uint32) {
	o.Helper()
	h := o.server.Hub()
	f, _ := h.Packages().FormByName("asset")
	x, _ := f.FieldByName("capacity_value")
	id, opened := syncproto.RecordID{n, 4}, syncproto.NewRecordState(syncproto.RecordID{n, 4})
	var place syncproto.PlaceID
	o.must(h.Store().View(o.Context(), func(r store.Reader) error {
		p, err := r.PlaceByNumber(hood)
		place = p.ID
		return err
	}))
	for i, capacity := range []int64{60, 80, 50} {
		author := syncproto.PersonID{n, byte(10 + i)}
		_, err := h.Office(o.Context(), author, id, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			e := hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(f.ID), Scope: syncproto.ScopeOf(place, string(f.Compartment))}
			before := merge.Content(f, opened)
			after := before.Clone()
			if after.Fields == nil {
				after.Fields = map[schemas.FieldID]schemas.Value{}
			}
			if after.Fields[x.ID] = schemas.IntValue(capacity); i == 0 {
				e.Verb = syncproto.VerbCreate
				title, _ := f.FieldByName("title_fa")
				after.Fields[title.ID] = schemas.TextValue("حسینیهٔ محله")
			}
			edit := merge.Edit{Form: f, Opened: opened, Before: before, After: after, Author: author}
			e.Ops = edit.Ops()
			return e, nil
		})
		o.must(err)
		if i == 0 {
			o.must(h.Store().View(o.Context(), func(r store.Reader) error {
				row, err := r.Record(id)
				opened = row.State
				return err
			}))
		}
	}
}

// credit is a line of this year of a neighbourhood, of which nothing is allocated.
func (o *office) credit(hood uint32) {
	o.Helper()
	h := o.server.Hub()
	f, _ := h.Packages().FormByName("budget_line")
	var place syncproto.PlaceID
	o.must(h.Store().View(o.Context(), func(r store.Reader) error {
		p, err := r.PlaceByNumber(hood)
		place = p.ID
		return err
	}))
	after := schemas.Record{Form: f.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	for name, v := range map[string]schemas.Value{"programme": schemas.CodeValue("elder_network"), "item": schemas.CodeValue("group_formation"), "province_code": schemas.CodeValue("01"),
		"jalali_year": schemas.IntValue(1405), "approved_rial": schemas.IntValue(300_000_000), "required_rial": schemas.IntValue(220_000_000)} {
		x, _ := f.FieldByName(name)
		after.Fields[x.ID] = v
	}
	_, err := h.Office(o.Context(), syncproto.PersonID{151}, syncproto.RecordID{151}, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		edit := merge.Edit{Form: f, Opened: s, Before: schemas.Record{Form: f.ID}, After: after, Author: syncproto.PersonID{151}}
		return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: uint32(f.ID), Scope: syncproto.ScopeOf(place, string(f.Compartment)), Ops: edit.Ops()}, nil
	})
	o.must(err)
}

// doubles has two people record one hall of a neighbourhood.
func (o *office) doubles(hood uint32) {
	o.Helper()
	h := o.server.Hub()
	f, _ := h.Packages().FormByName("asset")
	var place syncproto.PlaceID
	o.must(h.Store().View(o.Context(), func(r store.Reader) error {
		p, err := r.PlaceByNumber(hood)
		place = p.ID
		return err
	}))
	for i, values := range []map[string]schemas.Value{
		{"title_fa": schemas.TextValue("نمازخانهٔ بازارچهٔ قدیم"), "capacity_value": schemas.IntValue(60), "condition": schemas.IntValue(4)},
		{"title_fa": schemas.TextValue("نماز خانه بازارچه قدیم"), "capacity_value": schemas.IntValue(80), "address": schemas.TextValue("کنار نانوایی")},
	} {
		author := syncproto.PersonID{150, byte(i)}
		after := schemas.Record{Form: f.ID, Fields: map[schemas.FieldID]schemas.Value{}}
		values["category"], values["subtype"] = schemas.CodeValue("physical"), schemas.CodeValue("hall")
		for name, v := range values {
			x, _ := f.FieldByName(name)
			after.Fields[x.ID] = v
		}
		_, err := h.Office(o.Context(), author, syncproto.RecordID{150, byte(i)}, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			edit := merge.Edit{Form: f, Opened: s, Before: schemas.Record{Form: f.ID}, After: after, Author: author}
			return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: uint32(f.ID), Scope: syncproto.ScopeOf(place, string(f.Compartment)), Ops: edit.Ops()}, nil
		})
		o.must(err)
	}
}

// lookAtTwins makes two records one and brings both back.
func (o *office) lookAtTwins(tab *viewtest.Tab, name string, hood uint32, english bool) {
	o.Helper()
	say := func(fa, en string) string { return map[bool]string{false: fa, true: en}[english] }
	look := func(page, fa, en string) {
		o.Helper()
		tab.See(say(fa, en))
		tab.Check(name + page)
		tab.Shot(name + page)
	}
	tab.Go(o.at + fmt.Sprintf("/likely?place=%d", hood))
	look("-likely", "نمازخانهٔ بازارچهٔ قدیم", "نمازخانهٔ بازارچهٔ قدیم")
	tab.ClickAt("tbody th a")
	look("-twins", "کدام یک می‌ماند؟", "Which one stays?")
	tab.Click(say("یکی شوند", "Make them one"))
	look("-united", "تازه یکی شده‌ها", "Made one lately")
	tab.ClickAt(`.list a[href^="/likely/"]`)
	look("-brought", "همان را می‌گوید که پیش‌تر می‌گفت", "says what it said")
	tab.Click(say("هر دو برگردند", "Bring back both"))
	tab.See(say("همان‌گونه که بودند برگشتند", "Both records are there again"))
}

// lookAtDecisions settles a conflict, and lets in a change that was set aside.
func (o *office) lookAtDecisions(tab *viewtest.Tab, name string, english bool) {
	o.Helper()
	say := func(fa, en string) string { return map[bool]string{false: fa, true: en}[english] }
	look := func(page, fa, en string) {
		o.Helper()
		tab.See(say(fa, en))
		tab.Check(name + page)
		tab.Shot(name + page)
	}
	tab.Go(o.at + "/conflicts")
	look("-conflicts", "حل برگزیده‌ها با هم", "Settle the picked ones together")
	tab.ClickAt("tbody th a")
	look("-conflict", "کدام درست است؟", "Which is right?")
	tab.ClickAt(".rival input")
	tab.Type(say("دلیل", "Reason"), say("خودم دیدم و شمردم.", "I saw and counted it."))
	tab.Click(say("همین درست است", "This is right"))
	tab.See(say("تعارض حل شد", "The conflict is settled"))
	tab.Go(o.at + "/aside")
	look("-asides", "نویسنده اجازهٔ نوشتن در آنجا را ندارد", "the author may not write there")
	tab.ClickAt("tbody th a")
	look("-aside", "آنچه تغییر می‌گوید", "What the change says")
	tab.Type(say("دلیل", "Reason"), say("تلفنی پرسیدم.", "I asked by telephone."))
	tab.Click(say("آزاد کردن", "Release"))
	look("-released", "تصمیم‌ها", "What was decided")
}
