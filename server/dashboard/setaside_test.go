package dashboard

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// phone is a device of somebody that sends changes.
type phone struct {
	k      *kit
	person syncproto.PersonID
	cert   *wire.LogCert
	key    ed25519.PrivateKey
	sent   []*syncproto.Change
}

// phone enrols a device for somebody who plays a role at a place, none if it is "".
func (k *kit) phone(n byte, name string, role access.Role, place string) *phone {
	k.Helper()
	_, err := k.server.Admin().AddPerson(k.Context(), name)
	k.must(err)
	if role != "" {
		_, _, err = k.server.Admin().Grant(k.Context(), name, string(role), place)
		k.must(err)
	}
	seed := [32]byte{n}
	p := &phone{k: k, key: ed25519.NewKeyFromSeed(seed[:])}
	p.cert = wire.SignLogCert(wire.LogCert{Log: syncproto.LogID{n}, LogKey: [32]byte(p.key.Public().(ed25519.PublicKey)), Serial: 1, Created: 1}, p.key)
	k.must(k.store.Update(k.Context(), func(tx store.Tx) error {
		p.person = k.personOf(tx, name)
		k.must(tx.PutDevice(store.Device{ID: p.cert.Device(), Person: p.person, Key: p.cert.DeviceKey, Noise: [32]byte{n}, Name: "گوشی " + name}))
		return tx.AddDevicePerson(p.cert.Device(), p.person)
	}))
	return p
}

// send sends one change and says what became of it.
func (p *phone) send(record syncproto.RecordID, form string, place uint32, ops []syncproto.Op) syncproto.Result {
	p.k.Helper()
	f, _ := p.k.forms.FormByName(form)
	h := syncproto.Header{Verb: syncproto.VerbCreate, Record: record, Form: uint32(f.ID), Package: p.k.forms.Version, Scope: syncproto.ScopeOf(p.k.placeID(place), string(f.Compartment)),
		OriginLog: p.cert.Log, OriginSeq: uint64(len(p.sent) + 1), Author: p.person, Time: p.k.ms, Corrected: true}
	ch, err := wire.NewChange(h, [16]byte{byte(len(p.sent)), p.cert.Log[0]}, ops)
	p.k.must(err)
	head := syncproto.ChainStart(p.cert.Log)
	for _, before := range p.sent {
		head = syncproto.ChainNext(head, before.HeaderBytes)
	}
	codec, err := wire.NewCodec()
	p.k.must(err)
	raw, _, err := wire.NewBatchSealer(codec, wire.PurposeBundle, p.cert, p.key).Seal(h.OriginSeq, head, []*syncproto.Change{ch}, 0)
	p.k.must(err)
	batch, err := wire.NewBatchOpener(codec).Open(raw)
	p.k.must(err)
	p.sent = append(p.sent, ch)
	got, err := p.k.Hub.Accept(p.k.Context(), p.cert.Device(), batch)
	p.k.must(err)
	return got.Results[0].Result
}

// asset is the operations of a new asset, in which a condition breaks its rule if it is
// above five.
func (p *phone) asset(title string, condition int64) []syncproto.Op {
	f, _ := p.k.forms.FormByName("asset")
	after := schemas.Record{Form: f.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	for name, v := range hall {
		x, _ := f.FieldByName(name)
		after.Fields[x.ID] = v
	}
	x, _ := f.FieldByName("title_fa")
	after.Fields[x.ID] = schemas.TextValue(title)
	x, _ = f.FieldByName("condition")
	after.Fields[x.ID] = schemas.IntValue(condition)
	edit := merge.Edit{Form: f, Opened: syncproto.NewRecordState(syncproto.RecordID{}), Before: schemas.Record{Form: f.ID}, After: after, Author: p.person}
	return edit.Ops()
}

// What was set aside is listed with its reason, looked at, and decided on in each of the
// four ways; the author's device is told, and a double click decides once.
func TestWhatWasSetAsideIsDecidedOnAPage(t *testing.T) {
	k := newKit(t)
	b := k.as(access.TechnicalManager, "101")
	stranger, worker := k.phone(40, "غریبه", "", ""), k.phone(41, "تسهیلگر", access.Facilitator, "102")
	send := func(p *phone, n byte, title string, condition int64) string {
		t.Helper()
		res := p.send(syncproto.RecordID{n}, "asset", 102, p.asset(title, condition))
		if res.Outcome != syncproto.Quarantined {
			t.Fatalf("it is %s", res.Outcome)
		}
		return "/aside/" + res.Change.String()
	}
	forbidden, bad, foreign, kept := send(stranger, 1, "سالن یک", 3), send(worker, 2, "سالن دو", 44), send(stranger, 3, "سالن <b>سه</b>", 3), send(stranger, 4, "سالن چهار", 3)
	list := b.get("/aside")
	k.shows(list, forbidden, bad, "the author may not write there", "a value breaks its field", "غریبه", "تسهیلگر", "پیرسرا", "گوشی غریبه", "Asset")
	decide := func(to, do string, more ...string) answer {
		t.Helper()
		return b.post(to, append([]string{"form", hiddenValue(b.get(to), "form"), "do", do, "reason", "تلفنی پرسیدم"}, more...)...)
	}
	page := b.get(bad)
	k.shows(page, "breaks a rule", `value="44"`, "Correct")
	k.hides(b.get(foreign), "<b>سه</b>")
	n := hiddenNumber(page, "44")
	for name, c := range map[string][]string{
		"nothing corrected": {"correct"},
		"a text":            {"correct", "set." + n, "خوب"},
		"still wrong":       {"correct", "set." + n, "99"},
		"no person":         {"reassign", "to", ""},
		"who may not":       {"reassign", "to", stranger.person.String()},
	} {
		if a := decide(bad, c[0], c[1:]...); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	if a := b.post(bad, "form", k.formName(), "do", "release", "reason", " "); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %s", a.Status)
	}
	if a := decide(bad, "x"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("something else: %s", a.Status)
	}
	for to, c := range map[string][]string{
		bad:       {"correct", "set." + n, "۴"},
		forbidden: {"release"},
		foreign:   {"reassign", "to", worker.person.String()},
		kept:      {"keep"},
	} {
		fields := append([]string{"form", hiddenValue(b.get(to), "form"), "do", c[0], "reason", "تلفنی پرسیدم"}, c[1:]...)
		for range 2 {
			if a := b.post(to, fields...); a.StatusCode != http.StatusSeeOther {
				t.Fatalf("%s: %s\n%s", c[0], a.Status, a.body)
			}
		}
		k.shows(b.get(to), "What was decided", "تلفنی پرسیدم", "technical_manager at 101")
	}
	f, _ := k.forms.FormByName("asset")
	x, _ := f.FieldByName("condition")
	for n, want := range map[byte]int64{1: 3, 2: 4, 3: 3} {
		s := k.state(syncproto.RecordID{n})
		if got := merge.Content(f, s).Fields[x.ID].Int(); got != want || s.Number != 1 {
			t.Errorf("record %d: condition %d, want %d; version %d", n, got, want, s.Number)
		}
	}
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		if _, err := r.Record(syncproto.RecordID{4}); err == nil {
			t.Error("what was kept out is there")
		}
		rows, err := r.History(syncproto.RecordID{3})
		if rows[0].Author != worker.person {
			t.Errorf("re-assigned to %s", rows[0].Author)
		}
		return err
	}))
	k.shows(b.get("/aside"), "Nothing waits here")
}

// hiddenNumber is the number of the operation whose field holds a value.
func hiddenNumber(page, value string) string {
	_, rest, _ := strings.Cut(page[:strings.Index(page, `value="`+value+`"`)], `name="set.`)
	for strings.Contains(rest, `name="set.`) {
		_, rest, _ = strings.Cut(rest, `name="set.`)
	}
	n, _, _ := strings.Cut(rest, `"`)
	return n
}

// Who sees and decides about what was set aside, by the table of what a screen shows;
// for all others nothing is there, whatever they send.
func TestWhoSeesWhatWasSetAside(t *testing.T) {
	k := newKit(t)
	stranger := k.phone(40, "غریبه", "", "")
	org := func() []syncproto.Op {
		f, _ := k.forms.FormByName("organisation")
		x, _ := f.FieldByName("name_fa")
		edit := merge.Edit{Form: f, Opened: syncproto.NewRecordState(syncproto.RecordID{}), After: schemas.Record{Fields: map[schemas.FieldID]schemas.Value{x.ID: schemas.TextValue("دهیاری")}}, Author: stranger.person}
		return edit.Ops()
	}
	at := map[string]string{
		"reference": stranger.send(syncproto.RecordID{1}, "organisation", 102, org()).Change.String(),
		"plain":     stranger.send(syncproto.RecordID{2}, "asset", 102, stranger.asset("سالن", 3)).Change.String(),
		"beside":    stranger.send(syncproto.RecordID{3}, "asset", 105, stranger.asset("سالن", 3)).Change.String(),
	}
	for i, c := range []struct {
		role  access.Role
		place string
		may   []string
	}{
		{access.Facilitator, "102", nil}, {access.Clinic, "102", nil}, {access.National, "ایران", nil}, {"", "", nil},
		{access.TechnicalManager, "101", []string{"reference", "plain"}}, {access.County, "101", []string{"reference"}},
		{access.Province, "گیلان", []string{"reference", "plain", "beside"}},
	} {
		b := k.as(c.role, c.place)
		want := http.StatusNotFound
		if c.may != nil {
			want = http.StatusOK
		}
		if got := b.status("/aside"); got != want {
			t.Errorf("%d: the list for %q: %d", i, c.role, got)
		}
		for name, id := range at {
			may := strings.Contains(fmt.Sprint(c.may), name)
			if got := b.status("/aside/" + id); (got == http.StatusOK) != may {
				t.Errorf("%q looks at the one in %s: %d", c.role, name, got)
			}
			if got := b.status("/aside?after=" + id); (got == http.StatusOK) != may {
				t.Errorf("%q names the one in %s: %d", c.role, name, got)
			}
			if c.may != nil && strings.Contains(b.get("/aside"), id) != may {
				t.Errorf("the list of %q, and the one in %s", c.role, name)
			}
			if may {
				continue
			}
			for _, do := range []string{"release", "keep", "correct", "reassign"} {
				a := b.post("/aside/"+id, "form", k.formName(), "do", do, "reason", "دیدم", "to", stranger.person.String(), "drop", "0")
				if a.StatusCode != http.StatusNotFound {
					t.Errorf("%q sends %s for the one in %s: %s", c.role, do, name, a.Status)
				}
			}
		}
	}
	b := k.as(access.TechnicalManager, "102")
	for _, id := range []string{"x", strings.Repeat("0", 32), strings.Repeat("f", 33)} {
		if got := b.status("/aside/" + id); got != http.StatusNotFound {
			t.Errorf("%q: %d", id, got)
		}
	}
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		for name, id := range at {
			change, err := syncproto.ParseID(id)
			k.must(err)
			row, err := r.Change(change)
			if err != nil || row.Result.Outcome != syncproto.Quarantined {
				t.Errorf("the one in %s is %s: %v", name, row.Result.Outcome, err)
			}
		}
		return nil
	}))
}
