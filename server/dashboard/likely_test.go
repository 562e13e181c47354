package dashboard

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// doubles are two assets of the neighbourhood 102 that two people recorded of one hall,
// and a record that names the second.
type doubles struct {
	*kit
	a, b, names syncproto.RecordID
}

func newDoubles(t *testing.T) *doubles {
	d := &doubles{kit: newKit(t)}
	d.a = d.write("asset", 102, with(hall, "title_fa", schemas.TextValue("سالن ورزشی دبستان"), "capacity_value", schemas.IntValue(60), "usable_for_need_ids", schemas.RefsValue(schemas.ID{1})))
	d.b = d.write("asset", 102, with(hall, "title_fa", schemas.TextValue("سالن ورزشي دبستان"), "condition", schemas.IntValue(4), "address", schemas.TextValue("خیابان بهار"), "usable_for_need_ids", schemas.RefsValue(schemas.ID{2}), "duplicate_of", schemas.RefValue(schemas.ID(d.a))))
	d.write("asset", 102, with(hall, "title_fa", schemas.TextValue("مسجد جامع")))
	d.write("asset", 103, with(hall, "title_fa", schemas.TextValue("سالن ورزشی دبستان")))
	form, _ := d.forms.FormByName("agreement")
	d.names = d.write("agreement", 102, map[string]schemas.Value{"number": schemas.TextValue("۱۲"), "programme": schemas.CodeValue("dossier"),
		"deliverables": rowsWithIDs(form, "deliverables", []map[string]schemas.Value{{"commitment": schemas.CodeValue("needs_prioritised"), "state": schemas.CodeValue("not_started"),
			"evidence_ids": schemas.RefsValue(schemas.ID(d.b), schemas.ID{8})}})})
	d.catchUp()
	return d
}

func with(values map[string]schemas.Value, more ...any) map[string]schemas.Value {
	all := map[string]schemas.Value{}
	for name, v := range values {
		all[name] = v
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i].(string)] = more[i+1].(schemas.Value)
	}
	return all
}

func (d *doubles) to() string { return likelyAddress(d.a, d.b) }

// send sends the form of two records as the page proposes it, with what is chosen
// otherwise.
func (b *reader) send(to, page, act string, otherwise ...string) answer {
	b.Helper()
	fields := map[string]string{"act": act, "form": hiddenValue(page, "form"), "seen.a": hiddenValue(page, "seen.a"), "seen.b": hiddenValue(page, "seen.b"), "refers": hiddenValue(page, "refers")}
	for _, m := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"[^>]* checked`).FindAllStringSubmatch(page, -1) {
		fields[m[1]] = m[2]
	}
	for i := 0; i < len(otherwise); i += 2 {
		fields[otherwise[i]] = otherwise[i+1]
	}
	var all []string
	for name, value := range fields {
		if value != "-" {
			all = append(all, name, value)
		}
	}
	return b.post(to, all...)
}

// fingerprint is what a record says: all that a person sees of it.
func (d *doubles) fingerprint(id syncproto.RecordID) string {
	s := d.state(id)
	form, _ := d.forms.Form(schemas.FormID(s.Form))
	content := merge.Content(form, s)
	var all []string
	for _, f := range form.Fields() {
		all = append(all, fmt.Sprintf("%s=%+v", f.Name, content.Fields[f.ID]))
	}
	return fmt.Sprint(merge.Alive(s), len(merge.Conflicts(s)), all)
}

func (d *doubles) evidence() []schemas.ID {
	row := (&filed{form: d.formOf("agreement"), rec: merge.Content(d.formOf("agreement"), d.state(d.names))}).rows("deliverables")[0]
	return row["evidence_ids"].Refs()
}

func (d *doubles) formOf(name string) *schemas.Form {
	f, ok := d.forms.FormByName(name)
	if !ok {
		d.Fatalf("no form %s", name)
	}
	return f
}

// TestTwoRecordsBecomeOneAndTwoAgain: likely duplicates of a place are listed, seen side by
// side, made one field by field, and brought back to exactly what they were.
func TestTwoRecordsBecomeOneAndTwoAgain(t *testing.T) {
	d := newDoubles(t)
	b := d.as(access.Province, "11")
	list := b.get("/likely?place=102")
	d.shows(list, "1 pair", "سالن ورزشي دبستان", "/likely/")
	d.hides(list, "مسجد جامع")
	if n := strings.Count(b.get("/likely?place=11"), `<a href="/likely/`); n != 1 {
		t.Errorf("%d pairs in the province: records of two neighbourhoods are no pair", n)
	}
	page := b.get(d.to())
	d.shows(page, "خیابان بهار", "1 record names", "Which one stays?")
	before := [3]string{d.fingerprint(d.a), d.fingerprint(d.b), d.fingerprint(d.names)}

	sent := b.send(d.to(), page, "unite", "keep", "a", "take.title_fa", "b")
	if sent.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", sent.Status, sent.body)
	}
	one := d.readAs("asset", d.a)
	if one.value("address").Text() != "خیابان بهار" || one.value("capacity_value").Int() != 60 || one.value("condition").Int() != 4 || one.value("title_fa").Text() != "سالن ورزشی دبستان" {
		t.Errorf("what stays says %+v", one.rec.Fields)
	}
	if len(one.value("usable_for_need_ids").Refs()) != 2 || !one.value("duplicate_of").IsEmpty() {
		t.Errorf("of both there is %v, of itself %v", one.value("usable_for_need_ids").Refs(), one.value("duplicate_of"))
	}
	if merge.Alive(d.state(d.b)) {
		t.Error("the other is still there")
	}
	if got := d.evidence(); !slices.Contains(got, schemas.ID(d.a)) || slices.Contains(got, schemas.ID(d.b)) || len(got) != 2 {
		t.Errorf("what named the other names %v", got)
	}
	d.shows(b.get("/record/"+d.b.String()), "به جای", d.a.String())
	// The form that was sent twice did it once.
	if again := b.send(d.to(), page, "unite", "keep", "a", "take.title_fa", "b"); again.StatusCode != http.StatusSeeOther {
		t.Errorf("sent twice: %s\n%s", again.Status, again.body)
	}
	d.catchUp()
	list = b.get("/likely?place=102")
	d.shows(list, "Made one lately")
	d.hides(list, "1 pair")

	page = b.get(d.to())
	d.shows(page, "Bring back both")
	for range 2 { // twice does it once
		if a := b.send(d.to(), page, "separate"); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
	}
	for i, id := range []syncproto.RecordID{d.a, d.b, d.names} {
		if now := d.fingerprint(id); now != before[i] {
			t.Errorf("record %d is\n%s\nand was\n%s", i, now, before[i])
		}
	}
	d.catchUp()
	list = b.get("/likely?place=102")
	d.hides(list, "Made one lately")
	d.shows(list, "1 pair")
}

func (d *doubles) readAs(form string, id syncproto.RecordID) *filed {
	f := d.formOf(form)
	return &filed{form: f, rec: merge.Content(f, d.state(id)), state: d.state(id)}
}

// TestNotTheSameIsRemembered: what somebody said is not the same is proposed no more.
func TestNotTheSameIsRemembered(t *testing.T) {
	d := newDoubles(t)
	b := d.as(access.Province, "11")
	page := b.get(d.to())
	if a := b.send(d.to(), page, "apart"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	d.shows(b.get("/likely?place=102"), "No two records")
	d.shows(b.get(likelyAddress(d.b, d.a)), "are not the same")
	if !merge.Alive(d.state(d.a)) || !merge.Alive(d.state(d.b)) {
		t.Error("one of them is gone")
	}
}

// TestOnlyWhatWasSeenIsMadeOne: a page that is out of date writes nothing, neither of the
// two records nor of those that name them; nor does one without a choice, or over a conflict.
func TestOnlyWhatWasSeenIsMadeOne(t *testing.T) {
	d := newDoubles(t)
	b := d.as(access.Province, "11")
	change := func(form string, id syncproto.RecordID, field string, v schemas.Value) {
		t.Helper()
		f := d.formOf(form)
		_, err := d.Hub.Office(t.Context(), syncproto.PersonID{9}, id, d.editing(f, syncproto.PersonID{9}, func(r *schemas.Record) {
			d.must(put(f, r, map[string]schemas.Value{field: v}))
		}))
		d.must(err)
	}
	for name, meanwhile := range map[string]func(){
		"the one that stays": func() { change("asset", d.a, "condition", schemas.IntValue(2)) },
		"the one that goes":  func() { change("asset", d.b, "condition", schemas.IntValue(3)) },
		"one that names it":  func() { change("agreement", d.names, "amount_rial", schemas.IntValue(5_000_000)) },
	} {
		page := b.get(d.to())
		meanwhile()
		before := [3]string{d.fingerprint(d.a), d.fingerprint(d.b), d.fingerprint(d.names)}
		a := b.send(d.to(), page, "unite", "keep", "a", "take.capacity_value", "b")
		if a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "Somebody changed this") || !strings.Contains(a.body, `name="take.capacity_value" value="b" required checked`) {
			t.Errorf("%s was changed: %s\n%s", name, a.Status, a.body)
		}
		for i, id := range []syncproto.RecordID{d.a, d.b, d.names} {
			if d.fingerprint(id) != before[i] {
				t.Errorf("%s was changed, and record %d was written", name, i)
			}
		}
	}
	page := b.get(d.to())
	for _, wrong := range [][]string{{"keep", "c"}, {"keep", "-"}, {"take.title_fa", "x"}, {"take.title_fa", "both"}, {"take.title_fa", "-"}} {
		if a := b.send(d.to(), page, "unite", wrong...); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%v: %s", wrong, a.Status)
		}
	}
	if a := b.send(d.to(), page, "burn"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("an act that is none: %s", a.Status)
	}
	id, _ := d.rivals("asset", "title_fa", 102, hall, "سالن یک", "سالن دو")
	to := likelyAddress(d.a, id)
	if a := b.send(to, b.get(to), "unite"); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Settle the conflict first") {
		t.Errorf("over a conflict: %s\n%s", a.Status, a.body)
	}
}

// TestTwinsGiveNothingAway: two records that the reader may not see, of two scopes, of two
// forms, that are one and the same or erased are not there; who only reads sees and writes
// nothing.
func TestTwinsGiveNothingAway(t *testing.T) {
	d := newDoubles(t)
	elsewhere := d.write("asset", 103, hall)
	person := func() syncproto.RecordID {
		return d.write("person", 102, map[string]schemas.Value{"full_name": schemas.TextValue("زهرا")})
	}
	p, q := person(), person()
	gone := d.write("asset", 102, hall)
	_, err := d.Hub.Office(t.Context(), syncproto.PersonID{9}, gone, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		return hub.OfficeEdit{Verb: syncproto.VerbDelete, Ops: []syncproto.Op{merge.Presence(s, syncproto.PersonID{9}, false, true)}}, nil
	})
	d.must(err)
	province := d.as(access.Province, "11")
	good := province.get(d.to())
	for name, to := range map[string]string{
		"two scopes": likelyAddress(d.a, elsewhere), "two forms": likelyAddress(d.a, d.names), "one and the same": likelyAddress(d.a, d.a),
		"persons": likelyAddress(p, q), "a deleted one": likelyAddress(d.a, gone), "nothing": likelyAddress(d.a, syncproto.RecordID{1, 2, 3}), "no id": "/likely/x/y",
	} {
		if got := province.status(to); got != http.StatusNotFound {
			t.Errorf("GET %s: %d", name, got)
		}
		for _, act := range []string{"unite", "apart", "separate"} {
			if a := province.send(to, good, act); a.StatusCode != http.StatusNotFound {
				t.Errorf("POST %s %s: %s", act, name, a.Status)
			}
		}
	}
	for role, place := range map[access.Role]string{access.County: "104", access.National: "گیلان", access.Facilitator: "103", access.Steering: "103"} {
		b := d.as(role, place)
		if got := b.status(d.to()); got != http.StatusNotFound {
			t.Errorf("%s elsewhere sees the two: %d", role, got)
		}
		if a := b.send(d.to(), good, "unite"); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s elsewhere makes them one: %s", role, a.Status)
		}
	}
	reader := d.as(access.LocalTeam, "102")
	page := reader.get(d.to())
	d.hides(page, "Make them one</button>", "not the same</button>")
	for _, act := range []string{"unite", "apart", "separate"} {
		if a := reader.send(d.to(), page, act); a.StatusCode != http.StatusNotFound {
			t.Errorf("who only reads, %s: %s", act, a.Status)
		}
	}
	if !merge.Alive(d.state(d.a)) || !merge.Alive(d.state(d.b)) {
		t.Error("something was written")
	}
	d.shows(d.as(access.Facilitator, "102").get(likelyTo(102, "person")), "زهرا")
}

// TestBroughtBackBesideLaterWork: what somebody changed after two records became one stays
// as they left it; what the act wrote and still stands goes back.
func TestBroughtBackBesideLaterWork(t *testing.T) {
	d := newDoubles(t)
	b := d.as(access.Province, "11")
	if a := b.send(d.to(), b.get(d.to()), "unite", "keep", "a", "refer", "-"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if got := d.evidence(); !slices.Contains(got, schemas.ID(d.b)) {
		t.Errorf("what named the other was rewritten unasked: %v", got)
	}
	f := d.formOf("asset")
	_, err := d.Hub.Office(t.Context(), syncproto.PersonID{9}, d.a, d.editing(f, syncproto.PersonID{9}, func(r *schemas.Record) {
		d.must(put(f, r, map[string]schemas.Value{"condition": schemas.IntValue(1)}))
	}))
	d.must(err)
	if a := b.send(d.to(), b.get(d.to()), "separate"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	one := d.readAs("asset", d.a)
	if one.value("condition").Int() != 1 || !one.value("address").IsEmpty() || one.value("capacity_value").Int() != 60 {
		t.Errorf("brought back: %+v", one.rec.Fields)
	}
	if !merge.Alive(d.state(d.b)) || len(merge.Conflicts(d.state(d.a))) > 0 {
		t.Error("the other is not there, or something is in conflict")
	}
}
