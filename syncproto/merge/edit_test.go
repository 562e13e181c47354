package merge_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

const everyTypeForm = `{
 "id": 1, "name": "every", "revision": 1, "compartment": "plain", "kind": "record", "merge": "B",
 "label": {"fa": "همه", "en": "Every"}, "title": ["text"], "search": ["text"],
 "sections": [{"name": "main", "label": {"fa": "اصلی", "en": "Main"}, "fields": [
  {"id": 10, "sensitivity": "S1", "name": "text", "type": "text", "label": {"fa": "متن", "en": "Text"}},
  {"id": 11, "sensitivity": "S1", "name": "story", "type": "long_text", "label": {"fa": "شرح", "en": "Story"}},
  {"id": 12, "sensitivity": "S1", "name": "number", "type": "integer", "label": {"fa": "عدد", "en": "Number"}},
  {"id": 13, "sensitivity": "S1", "name": "share", "type": "decimal", "label": {"fa": "سهم", "en": "Share"}},
  {"id": 14, "sensitivity": "S1", "name": "cost", "type": "money", "label": {"fa": "هزینه", "en": "Cost"}},
  {"id": 15, "sensitivity": "S1", "name": "held_on", "type": "date", "label": {"fa": "تاریخ", "en": "Date"}},
  {"id": 16, "sensitivity": "S1", "name": "year", "type": "jalali_year", "label": {"fa": "سال", "en": "Year"}},
  {"id": 17, "sensitivity": "S1", "name": "open", "type": "boolean", "label": {"fa": "باز", "en": "Open"}},
  {"id": 18, "sensitivity": "S1", "name": "colour", "type": "code", "list": "COLOUR", "label": {"fa": "رنگ", "en": "Colour"}},
  {"id": 19, "sensitivity": "S1", "name": "colours", "type": "codes", "list": "COLOUR", "label": {"fa": "رنگ‌ها", "en": "Colours"}},
  {"id": 20, "sensitivity": "S1", "name": "friend", "type": "reference", "forms": ["every"], "label": {"fa": "دوست", "en": "Friend"}},
  {"id": 21, "sensitivity": "S1", "name": "friends", "type": "references", "forms": ["every"], "label": {"fa": "دوستان", "en": "Friends"}},
  {"id": 22, "sensitivity": "S1", "name": "spot", "type": "point", "label": {"fa": "نقطه", "en": "Spot"}},
  {"id": 23, "sensitivity": "S1", "name": "area", "type": "polygon", "label": {"fa": "محدوده", "en": "Area"}},
  {"id": 24, "sensitivity": "S1", "name": "rows", "type": "list", "label": {"fa": "سطرها", "en": "Rows"}, "fields": [
    {"id": 25, "sensitivity": "S1", "name": "word", "type": "text", "label": {"fa": "واژه", "en": "Word"}},
    {"id": 26, "sensitivity": "S1", "name": "shades", "type": "codes", "list": "COLOUR", "label": {"fa": "سایه‌ها", "en": "Shades"}}]},
  {"id": 27, "sensitivity": "S1", "name": "visits", "type": "counter", "label": {"fa": "بازدید", "en": "Visits"}},
  {"id": 28, "sensitivity": "S1", "name": "photos", "type": "attachment", "label": {"fa": "عکس", "en": "Photos"}},
  {"id": 29, "sensitivity": "S1", "name": "stage", "type": "state", "list": "COLOUR", "label": {"fa": "مرحله", "en": "Stage"}}
 ]}]}`

const colours = `{"name":"COLOUR","version":1,"label":{"fa":"رنگ","en":"Colour"},"items":[
 {"code":"red","fa":"سرخ","en":"Red"},{"code":"green","fa":"سبز","en":"Green"},{"code":"blue","fa":"آبی","en":"Blue"}]}`

func everyType(t *testing.T) *schemas.Package {
	t.Helper()
	p, err := schemas.Load(fstest.MapFS{
		"package.json":      {Data: []byte(`{"version":1}`)},
		"every.r1.json":     {Data: []byte(everyTypeForm)},
		"lists/COLOUR.json": {Data: []byte(colours)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// randomContent changes some fields of a record as a person would.
func randomContent(rng *rand.Rand, before schemas.Record) schemas.Record {
	r := before.Clone()
	if r.Fields == nil {
		r.Fields = map[schemas.FieldID]schemas.Value{}
	}
	words := []string{"نان", "آب", "کوچهٔ لاله", "می‌رود", "مدرسه"}
	codes := []string{"red", "green", "blue"}
	id := func() (x schemas.ID) {
		x[0], x[15] = byte(rng.IntN(4)+1), 7
		return x
	}
	point := func() schemas.Point {
		return schemas.Point{LatE7: 372_000_000 + rng.Int32N(1000), LonE7: 496_000_000 + rng.Int32N(1000)}
	}
	set := func(f schemas.FieldID, v schemas.Value) {
		if rng.IntN(3) == 0 {
			if v.IsEmpty() || rng.IntN(6) == 0 && f != 27 && f != 29 {
				delete(r.Fields, f)
			} else {
				r.Fields[f] = v
			}
		}
	}
	pick := func(all []string) []string {
		var some []string
		for _, c := range all {
			if rng.IntN(2) == 0 {
				some = append(some, c)
			}
		}
		return some
	}
	set(10, schemas.TextValue(words[rng.IntN(len(words))]))
	set(11, schemas.TextValue(words[rng.IntN(len(words))]+" "+words[rng.IntN(len(words))]))
	set(12, schemas.IntValue(int64(rng.IntN(100)-50)))
	set(13, schemas.DecimalValue(schemas.Decimal{Mantissa: int64(rng.IntN(1000) - 500), Scale: uint8(rng.IntN(4))}))
	set(14, schemas.IntValue(rng.Int64N(1e12)))
	set(15, schemas.DateValue(rng.Int32N(30000)))
	set(16, schemas.IntValue(int64(1395+rng.IntN(10))))
	set(17, schemas.BoolValue(rng.IntN(2) == 0))
	set(18, schemas.CodeValue(codes[rng.IntN(3)]))
	set(19, schemas.CodesValue(pick(codes)...))
	set(20, schemas.RefValue(id()))
	set(21, schemas.RefsValue(id(), id()))
	set(22, schemas.PointValue(schemas.Point{LatE7: point().LatE7, LonE7: point().LonE7, AccuracyDM: 80}))
	set(23, schemas.PolygonValue([]schemas.Point{point(), point(), point(), point()}))
	if before.Fields[29].IsEmpty() {
		set(29, schemas.CodeValue("red"))
	}
	if rng.IntN(2) == 0 {
		r.Fields[27] = schemas.IntValue(before.Fields[27].Int() + int64(rng.IntN(5)+1))
	}
	if rng.IntN(2) == 0 {
		var rows []schemas.Item
		for _, row := range before.Fields[24].Items() {
			if rng.IntN(4) > 0 {
				fields := map[schemas.FieldID]schemas.Value{}
				for k, v := range row.Fields {
					fields[k] = v
				}
				if rng.IntN(2) == 0 {
					fields[25] = schemas.TextValue(words[rng.IntN(len(words))])
				}
				if v := schemas.CodesValue(pick(codes)...); rng.IntN(2) == 0 && !v.IsEmpty() {
					fields[26] = v
				}
				rows = append(rows, schemas.Item{ID: row.ID, Fields: fields})
			}
		}
		for range rng.IntN(3) {
			row := schemas.Item{Fields: map[schemas.FieldID]schemas.Value{25: schemas.TextValue(words[rng.IntN(len(words))])}}
			at := rng.IntN(len(rows) + 1)
			rows = append(rows[:at], append([]schemas.Item{row}, rows[at:]...)...)
		}
		rng.Shuffle(len(rows)/2, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		r.Fields[24] = schemas.ItemsValue(rows)
	}
	if rng.IntN(4) == 0 {
		files := before.Fields[28].Attachments()
		if len(files) > 0 && rng.IntN(2) == 0 {
			files = files[1:]
		}
		r.Fields[28] = schemas.AttachmentsValue(append([]schemas.Attachment{{Size: 9, MediaType: "image/jpeg", Root: [32]byte{1}}}, files...)...)
	}
	return r
}

// An edit carries exactly what the author changed: applied to what was on the
// screen, it shows what was saved.
func TestEditShowsWhatWasSaved(t *testing.T) {
	pkg := everyType(t)
	form, _ := pkg.FormByName("every")
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 9))
		w := &world{rng: rng, record: syncproto.RecordID{2}, byID: map[syncproto.ChangeID]*syncproto.Change{}}
		r := w.newReplica(nil)
		author, log := syncproto.PersonID{1}, syncproto.LogID{1}
		for seq := uint64(1); seq < 12; seq++ {
			before := merge.Content(form, r.state)
			after := randomContent(rng, before)
			edit := merge.Edit{Form: form, Opened: r.state, Before: before, After: after, Author: author,
				NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(log, seq, n) }}
			h := syncproto.Header{Verb: syncproto.VerbEdit, Record: w.record, Form: 1, Package: 1, Scope: syncproto.ScopeID{1},
				OriginLog: log, OriginSeq: seq, Base: r.state.Latest, Author: author}
			if seq == 1 {
				h.Verb = syncproto.VerbCreate
			}
			ops := edit.Ops()
			if ops == nil {
				if !before.Equal(after) {
					t.Fatalf("seed %d: a changed record made no operations", seed)
				}
				continue
			}
			ch, err := wire.NewChange(h, [16]byte{}, ops)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if reason, cell := merge.Judge(pkg, ch); reason != syncproto.ReasonNone {
				t.Fatalf("seed %d: judged %d at %v", seed, reason, cell)
			}
			w.byID[ch.ID] = ch
			r.receive(t, ch)
			if err := sameContent(merge.Content(form, r.state), after); err != nil {
				t.Fatalf("seed %d, save %d: %v", seed, seq, err)
			}
			if open := merge.Conflicts(r.state); len(open) != 0 {
				t.Fatalf("seed %d: one author alone is in conflict: %v", seed, open)
			}
		}
	}
}

// sameContent compares but for the ids of new rows, which saving gives.
func sameContent(got, want schemas.Record) error {
	for id := schemas.FieldID(10); id < 30; id++ {
		g, w := got.Fields[id], want.Fields[id]
		switch g.Kind() {
		case schemas.KindItems:
			a, b := g.Items(), w.Items()
			if len(a) != len(b) {
				return fmt.Errorf("field %d: %d rows, want %d", id, len(a), len(b))
			}
			for i := range a {
				for _, sub := range []schemas.FieldID{25, 26} {
					if !a[i].Fields[sub].Equal(b[i].Fields[sub]) {
						return fmt.Errorf("row %d field %d: got %v, want %v", i, sub, a[i].Fields[sub], b[i].Fields[sub])
					}
				}
			}
		case schemas.KindAttachments:
			if len(g.Attachments()) != len(w.Attachments()) {
				return fmt.Errorf("field %d: %d files, want %d", id, len(g.Attachments()), len(w.Attachments()))
			}
		default:
			if !g.Equal(w) {
				return fmt.Errorf("field %d: got %v, want %v", id, g, w)
			}
		}
	}
	return nil
}

// The conflict fixture of the domain's asset: two phones edit the same asset
// offline; in every order of arrival, condition and availability merge,
// capacity opens one conflict, and nothing is lost.
func TestAssetFixtureInEveryOrder(t *testing.T) {
	pkg, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.FormByName("asset")
	field := func(name string) schemas.FieldID {
		f, ok := form.FieldByName(name)
		if !ok {
			t.Fatalf("no field %q", name)
		}
		return f.ID
	}
	w := &world{record: syncproto.RecordID{3}, byID: map[syncproto.ChangeID]*syncproto.Change{}}
	base := w.newReplica(nil)
	save := func(dev byte, s *syncproto.RecordState, set map[string]schemas.Value) *syncproto.Change {
		before := merge.Content(form, s)
		after := before.Clone()
		for name, v := range set {
			after.Fields[field(name)] = v
		}
		edit := merge.Edit{Form: form, Opened: s, Before: before, After: after, Author: syncproto.PersonID{dev},
			NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(syncproto.LogID{dev}, 1, n) }}
		h := syncproto.Header{Verb: syncproto.VerbEdit, Record: w.record, Form: uint32(form.ID), Package: 1, Scope: syncproto.ScopeID{1},
			OriginLog: syncproto.LogID{dev}, OriginSeq: 1, Base: s.Latest, Author: syncproto.PersonID{dev}, Time: int64(dev)}
		if !s.Exists() {
			h.Verb = syncproto.VerbCreate
		}
		ch, err := wire.NewChange(h, [16]byte{dev}, edit.Ops())
		if err != nil {
			t.Fatal(err)
		}
		if reason, cell := merge.Judge(pkg, ch); reason != syncproto.ReasonNone {
			t.Fatalf("judged %d at %v", reason, cell)
		}
		w.byID[ch.ID] = ch
		return ch
	}
	create := save(1, base.state, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"),
		"title_fa": schemas.TextValue("سالن ورزشی دبستان شهیدِ گمنام (نوبت عصر)"), "condition": schemas.IntValue(3),
		"capacity_value": schemas.IntValue(60), "availability": schemas.CodeValue("by_permission")})
	base.receive(t, create)
	a := save(2, base.state, map[string]schemas.Value{"condition": schemas.IntValue(4), "capacity_value": schemas.IntValue(80)})
	b := save(3, base.state, map[string]schemas.Value{"availability": schemas.CodeValue("scheduled"), "capacity_value": schemas.IntValue(50)})
	for _, order := range [][]*syncproto.Change{{create, a, b}, {create, b, a}, {a, create, b}, {a, b, create}, {b, a, create}, {b, create, a}} {
		r := w.newReplica(nil)
		for _, ch := range order {
			r.receive(t, ch)
			r.receive(t, ch)
		}
		got := merge.Content(form, r.state)
		if v := got.Fields[field("condition")].Int(); v != 4 {
			t.Errorf("condition is %d, want 4", v)
		}
		if v := got.Fields[field("availability")].Code(); v != "scheduled" {
			t.Errorf("availability is %q, want scheduled", v)
		}
		open := merge.Conflicts(r.state)
		if len(open) != 1 || open[0].Cell.Field != uint32(field("capacity_value")) {
			t.Fatalf("conflicts: %v, want one about capacity_value", open)
		}
		shown, _ := open[0].Value.AsInt()
		other, _ := open[0].Others[0].Value.AsInt()
		if shown+other != 130 || shown != 50 {
			t.Errorf("shown %d, other %d; want 50 (the later) and 80", shown, other)
		}
	}
}

func TestLongTexts(t *testing.T) {
	cases := []struct {
		name, base, a, b, want string // want "" says conflict
	}{
		{"different ends", "یک دو سه چهار پنج", "صفر یک دو سه چهار پنج", "یک دو سه چهار پنج شش", "صفر یک دو سه چهار پنج شش"},
		{"same word", "یک دو سه", "یک دوم سه", "یک دیگر سه", ""},
		{"touching words", "یک دو سه", "یکم دو سه", "یک دوم سه", ""},
		{"equal changes", "یک دو سه", "یک دوم سه", "یک دوم سه", "یک دوم سه"},
		{"both from nothing", "", "نان", "آب", ""},
		{"one deletes far away", "یک دو سه چهار پنج شش", "دو سه چهار پنج شش", "یک دو سه چهار پنج شش هفت", "دو سه چهار پنج شش هفت"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := syncproto.NewRecordState(syncproto.RecordID{1})
			k := syncproto.CellKey{Field: 11}
			s.Cells[k] = &syncproto.Cell{Candidates: []syncproto.Candidate{
				{Version: syncproto.ChangeID{1}, Value: syncproto.LongText(c.a, c.base)},
				{Version: syncproto.ChangeID{2}, Value: syncproto.LongText(c.b, c.base)}}}
			v := merge.Look(s, k)
			got, _ := v.Value.AsText()
			if c.want == "" {
				if len(v.Others) != 1 || v.Merged {
					t.Fatalf("got %q merged %v, want a conflict", got, v.Merged)
				}
				return
			}
			if got != c.want || len(v.Others) != 0 {
				t.Fatalf("got %q with %d others, want %q", got, len(v.Others), c.want)
			}
		})
	}
}
