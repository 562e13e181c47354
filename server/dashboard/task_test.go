package dashboard

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// of are the records of a form at a place, as they stand.
func (s *sitting) of(form string, place uint32) (all []*filed) {
	s.Helper()
	f, _ := s.forms.FormByName(form)
	s.must(s.store.View(s.Context(), func(r store.Reader) error {
		rows, err := r.Records(store.Filter{Scopes: []syncproto.ScopeID{syncproto.ScopeOf(s.placeID(place), string(f.Compartment))}, Form: uint32(f.ID), Max: 100})
		for _, row := range rows {
			if merge.Alive(row.State) {
				all = append(all, &filed{form: f, rec: merge.Content(f, row.State), state: row.State})
			}
		}
		return err
	}))
	return all
}

// sends sends the form of a task as a browser does.
func (b *reader) sends(page, to string, fields ...string) answer {
	b.Helper()
	all := []string{"form", hiddenValue(page, "form"), "seen", hiddenValue(page, "seen"), "meeting", hiddenValue(page, "meeting")}
	return b.post(to, append(all, fields...)...)
}

// TestAMeetingAllocates: a credit is allocated in a meeting: less than what is required
// with a reason alone, never more than approved, bound to what was shown, once; and the
// decision, the line and the transaction say the same.
func TestAMeetingAllocates(t *testing.T) {
	s := newSitting(t, "submitted")
	line := s.write(lineForm, 102, map[string]schemas.Value{"programme": schemas.CodeValue("elder_network"), "item": schemas.CodeValue("group_formation"), "province_code": schemas.CodeValue("01"),
		"jalali_year": schemas.IntValue(1404), "approved_rial": schemas.IntValue(300_000_000)})
	s.catchUp()
	b := s.as(access.Province, "11")
	s.meet(b, 0, 1)
	to := "/allocate/" + line.String()
	at := to + "?meeting=" + s.meeting.String()
	s.shows(b.get("/meetings?place=11"), to, "0 toman of 30,000,000 toman")
	s.shows(b.get("/meeting/"+s.meeting.String()), at)
	s.shows(b.get("/meeting/"+s.meeting.String()+"/pack"), "Credits that are not allocated yet")
	page := b.get(at)
	s.shows(page, "22,000,000 toman is required")
	for name, x := range map[string]struct {
		fields []string
		says   string
	}{
		"no act":             {[]string{"amount", "22000000"}, "Choose"},
		"nothing":            {[]string{"act", "allocate"}, "how much"},
		"no number":          {[]string{"act", "allocate", "amount", "بیست"}, ""},
		"below, no reason":   {[]string{"act", "allocate", "amount", "21900000"}, "no reason is given"},
		"more than there is": {[]string{"act", "allocate", "amount", "30000001"}, "No more can be allocated"},
	} {
		a := b.sends(page, to, x.fields...)
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, x.says) {
			t.Errorf("%s: %s\n%s", name, a.Status, a.body)
		}
		if amount := x.fields[len(x.fields)-1]; amount != "allocate" {
			s.shows(a.body, `value="`+amount+`"`) // what was typed stands
		}
	}
	if n := len(s.of(decisionForm, 102)) + len(s.of("budget_txn", 102)); n > 0 {
		t.Fatalf("%d records were written", n)
	}
	version := merge.VersionDecided(s.read(lineForm, line).form, s.state(line))
	for range 2 {
		if a := b.sends(page, to, "act", "allocate", "amount", "۲۱٬۹۰۰٬۰۰۰", "below", "باقی در سال آینده", "vote."+s.people[0].String(), "for"); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
	}
	now := s.read(lineForm, line)
	if now.value("allocated_rial").Int() != 219_000_000 || now.value("required_rial").Int() != 220_000_000 || now.value("below_required_reason").Text() == "" {
		t.Errorf("the line says %+v", now.rec.Fields)
	}
	decisions, txns := s.of(decisionForm, 102), s.of("budget_txn", 102)
	if len(decisions) != 1 || len(txns) != 1 {
		t.Fatalf("%d decisions, %d transactions", len(decisions), len(txns))
	}
	if d := decisions[0]; d.value("kind").Code() != "allocate_budget" || d.value("subject_ref").Ref() != schemas.ID(line) || d.value("subject_version").Text() != hex.EncodeToString(version[:]) || len(d.rows("votes")) != 1 {
		t.Errorf("the decision says %+v", d.rec.Fields)
	}
	if x := txns[0]; x.value("amount_rial").Int() != 219_000_000 || x.value("line_id").Ref() != schemas.ID(line) {
		t.Errorf("the transaction says %+v", x.rec.Fields)
	}
	// Somebody else had the page open.
	if a := b.sends(page, to, "act", "refuse"); a.StatusCode != http.StatusConflict {
		t.Errorf("a page out of date: %s", a.Status)
	}
	for role, place := range map[access.Role]string{access.Facilitator: "102", access.Steering: "102", access.County: "104", access.National: "گیلان"} {
		other := s.as(role, place)
		if got := other.status(to); got != http.StatusNotFound {
			t.Errorf("%s sees the task: %d", role, got)
		}
		if a := other.sends(page, to, "act", "allocate", "amount", "25000000"); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s allocates: %s", role, a.Status)
		}
	}
}

// TestAnAgreementIsRenewed: an agreement that ends is renewed as a new one, not before the
// prevention deputy confirmed the work, and not twice.
func TestAnAgreementIsRenewed(t *testing.T) {
	s := newSitting(t, "submitted")
	form, _ := s.forms.FormByName(agreementForm)
	day := func(text string) schemas.Value {
		d, err := jalali.Parse(text)
		s.must(err)
		return schemas.DateValue(int32(d.EpochDay()))
	}
	var six []map[string]schemas.Value
	for _, c := range []string{"needs_prioritised", "assets_identified", "harm_map", "participatory_plan", "collective_action", "advocacy"} {
		six = append(six, map[string]schemas.Value{"commitment": schemas.CodeValue(c), "state": schemas.CodeValue("delivered"), "target_count": schemas.IntValue(3)})
	}
	old := s.write(agreementForm, 102, map[string]schemas.Value{"number": schemas.TextValue("۱۴۰۴/۱"), "kind": schemas.CodeValue("memorandum"), "programme": schemas.CodeValue("social_health_base"),
		"party_org_id": schemas.RefValue(schemas.ID{7}), "signed_on": day("1404/02/10"), "start_on": day("1404/02/10"), "end_on": day("1404/12/29"), "state": schemas.CodeValue("draft"),
		"deliverables": rowsWithIDs(form, "deliverables", six), "amount_rial": schemas.IntValue(900_000_000)})
	change := func(verb syncproto.Verb, values map[string]schemas.Value) {
		t.Helper()
		_, err := s.Hub.Office(t.Context(), syncproto.PersonID{9}, old, func(st *syncproto.RecordState, item func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			e, err := s.editing(form, syncproto.PersonID{9}, func(r *schemas.Record) { s.must(put(form, r, values)) })(st, item)
			e.Verb = verb
			return e, err
		})
		s.must(err)
	}
	for _, to := range []string{"signed", "active"} {
		change(syncproto.VerbTransition, map[string]schemas.Value{"state": schemas.CodeValue(to)})
	}
	s.catchUp()
	b := s.as(access.Province, "11")
	s.meet(b, 0, 1)
	to := "/renew/" + old.String()
	at := to + "?meeting=" + s.meeting.String()
	s.shows(b.get("/meetings?place=11"), to, "Agreements that end")
	send := []string{"act", "renew", "number", "۱۴۰۵/۱", "signed_on", "۱۴۰۴/۱۱/۲۶", "start_on", "۱۴۰۵/۰۱/۰۱", "amount", "100000000"}
	a := b.sends(b.get(at), to, send...)
	if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "agreement.renewed_from") {
		t.Fatalf("before it was confirmed: %s\n%s", a.Status, a.body)
	}
	s.shows(a.body, `value="۱۴۰۵/۱"`)
	change(syncproto.VerbEdit, map[string]schemas.Value{"confirmed_result": schemas.CodeValue("approved"), "confirmed_on": day("1404/11/20"), "confirmed_by": schemas.RefValue(schemas.ID(s.people[2]))})
	page := b.get(at)
	for range 2 {
		if a := b.sends(page, to, send...); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
	}
	all := s.of(agreementForm, 102)
	if len(all) != 2 || len(s.of(decisionForm, 102)) != 1 {
		t.Fatalf("%d agreements, %d decisions", len(all), len(s.of(decisionForm, 102)))
	}
	for _, x := range all {
		if x.state.Record == old {
			if x.value("state").Code() != "active" {
				t.Errorf("the old one is %s before its end", x.value("state").Code())
			}
			continue
		}
		if x.value("renewed_from_id").Ref() != schemas.ID(old) || !x.value("end_on").Equal(day("1405/12/29")) || x.value("state").Code() != "draft" || len(x.rows("deliverables")) != 6 || x.value("amount_rial").Int() != 1_000_000_000 {
			t.Errorf("the new one says %+v", x.rec.Fields)
		}
	}
	s.catchUp()
	s.hides(b.get("/meetings?place=11"), to)
	page = b.get(at)
	s.shows(page, "Another agreement follows")
	if a := b.post(to, append([]string{"form", s.formName(), "seen", seenOf(s.state(old)), "meeting", s.meeting.String()}, send...)...); a.StatusCode != http.StatusConflict {
		t.Errorf("renewed twice: %s\n%s", a.Status, a.body)
	}
}
