package dashboard

import (
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// sitting is a province's committee of three, of whom two meet, and the dossier of the
// neighbourhood 102, which was sent in.
type sitting struct {
	*kit
	dossier, committee, meeting syncproto.RecordID
	people                      []syncproto.RecordID
}

func newSitting(t *testing.T, status string) *sitting {
	k := newKit(t)
	s := &sitting{kit: k}
	day := func(n int32) schemas.Value { return schemas.DateValue(int32(k.tehran.Day(k.moment())) + n) }
	for _, name := range []string{"مدیرکل", "دبیر", "عضو"} {
		s.people = append(s.people, k.write("person", 101, map[string]schemas.Value{"full_name": schemas.TextValue(name)}))
	}
	form, _ := k.forms.FormByName(committeeForm)
	var members []map[string]schemas.Value
	for i, seat := range []string{"dg", "secretary", "member"} {
		members = append(members, map[string]schemas.Value{"person_id": schemas.RefValue(schemas.ID(s.people[i])), "seat": schemas.CodeValue(seat), "from": day(-100)})
	}
	s.committee = k.write(committeeForm, 11, map[string]schemas.Value{"kind": schemas.CodeValue("provincial_cb"), "name": schemas.TextValue("کمیتهٔ استان"),
		"members": rowsWithIDs(form, "members", members), "quorum_rule": schemas.CodeValue("majority")})
	k.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"), "title_fa": schemas.TextValue("سالن")})
	capacity, _ := k.forms.FormByName("capacity_assessment")
	k.write("capacity_assessment", 102, map[string]schemas.Value{"instrument": schemas.CodeValue("laverack9"), "round_no": schemas.IntValue(1), "held_on": day(-9),
		"scores": rowsWithIDs(capacity, "scores", []map[string]schemas.Value{{"domain": schemas.CodeValue("participation"), "consensus": schemas.IntValue(3)}})})
	k.write("focus_group", 102, map[string]schemas.Value{"held_on": day(-9), "group_kind": schemas.CodeValue("women")})
	k.write("activity", 102, map[string]schemas.Value{"type": schemas.CodeValue("public_meeting"), "held_on": day(-9), "participants_total": schemas.IntValue(8)})
	s.dossier = k.write(dossierForm, 102, map[string]schemas.Value{"neighbourhood_id": schemas.RefValue(schemas.ID{9}), "revision_no": schemas.IntValue(1), "assigned_on": day(-40),
		"due_on": day(-9), "submitted_on": day(-3), "status": schemas.CodeValue("assigned")})
	for _, to := range []string{"collecting", "submitted", "county_reviewed"} {
		s.step(to)
		if to == status {
			break
		}
	}
	k.catchUp()
	return s
}

// rowsWithIDs are rows for records that the office writes.
func rowsWithIDs(form *schemas.Form, list string, rows []map[string]schemas.Value) schemas.Value {
	items := rowsOf(form, list, rows).Items()
	for i := range items {
		items[i].ID = schemas.ID{1, byte(i + 1)}
	}
	return schemas.ItemsValue(items)
}

func (s *sitting) step(to string) {
	s.Helper()
	f, _ := s.forms.FormByName(dossierForm)
	edit := func(st *syncproto.RecordState, item func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		e, err := s.editing(f, syncproto.PersonID{9}, func(r *schemas.Record) { s.must(put(f, r, map[string]schemas.Value{"status": schemas.CodeValue(to)})) })(st, item)
		e.Verb = syncproto.VerbTransition
		return e, err
	}
	got, err := s.Hub.Office(s.Context(), syncproto.PersonID{9}, s.dossier, edit)
	s.must(err)
	if now := s.read(dossierForm, s.dossier).value("status").Code(); now != to {
		s.Fatalf("the dossier is %s, not %s: %+v", now, to, got)
	}
}

func (s *sitting) read(form string, id syncproto.RecordID) *filed {
	s.Helper()
	f, _ := s.forms.FormByName(form)
	state := s.state(id)
	return &filed{form: f, rec: merge.Content(f, state), state: state}
}

// meet records a meeting by the page.
func (s *sitting) meet(b *reader, present ...int) {
	s.Helper()
	page := "/committee/" + s.committee.String() + "/meeting"
	fields := []string{"form", hiddenIn(s.kit, b.get(page), "form"), "held_on", "۱۴۰۴/۱۱/۲۶", "where", "سالن", "agenda", "شناسنامه‌ها\n\n  بودجه "}
	for _, i := range present {
		fields = append(fields, "present", s.people[i].String())
	}
	a := b.post(page, fields...)
	to := a.Header.Get("Location")
	if !strings.HasPrefix(to, "/meeting/") {
		s.Fatalf("no meeting: %s\n%s", a.Status, a.body)
	}
	id, err := syncproto.ParseID(strings.TrimPrefix(to, "/meeting/"))
	s.must(err)
	s.meeting = syncproto.RecordID(id)
}

func hiddenIn(k *kit, page, name string) string {
	k.Helper()
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if found == nil {
		k.Fatalf("no hidden field %s:\n%s", name, page)
	}
	return found[1]
}

// decides sends the form of a decision as a browser does.
func (s *sitting) decides(b *reader, page string, fields ...string) answer {
	s.Helper()
	html := page
	if strings.HasPrefix(page, "/") {
		html = b.get(page)
	}
	all := fields
	for _, name := range []string{"form", "seen", "frozen", "meeting"} {
		if !slices.Contains(fields, name) {
			all = append(all, name, hiddenIn(s.kit, html, name))
		}
	}
	return b.post("/decide/"+s.dossier.String(), all...)
}

// TestAMeetingNeedsSomebody: what a new record lacks is told, and what was typed stands.
func TestAMeetingNeedsSomebody(t *testing.T) {
	s := newSitting(t, "submitted")
	b := s.as(access.Province, "11")
	page := "/committee/" + s.committee.String() + "/meeting"
	for _, x := range []string{"۱۴۰۴/۱۱/۲۶", "دیروز"} {
		a := b.post(page, "form", hiddenIn(s.kit, b.get(page), "form"), "held_on", x, "agenda", "شناسنامه‌ها")
		if s.shows(a.body, "شناسنامه‌ها", `value="`+x); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", x, a.Status)
		}
	}
	s.hides(b.get("/meetings"), "/meeting/0")
}

// TestApprove: a committee approves a dossier on the page. The decision names the
// version and the votes, what it rests on is frozen beside it, all in the name of who
// is signed in, and once.
func TestApprove(t *testing.T) {
	s := newSitting(t, "county_reviewed")
	b := s.as(access.Province, "11")
	s.shows(b.get("/meetings"), "کمیتهٔ استان", "/decide/"+s.dossier.String(), "Reviewed by the county")
	s.meet(b, 0, 1)
	s.shows(b.get("/meeting/"+s.meeting.String()), "2 of 3 members, 2 needed", "reached", "بودجه", "Director-general")
	s.shows(b.get("/meeting/"+s.meeting.String()+"/pack"), "بودجه", "پیرسرا", "Signature")
	page := "/decide/" + s.dossier.String() + "?meeting=" + s.meeting.String()
	before := merge.VersionDecided(s.read(dossierForm, s.dossier).form, s.state(s.dossier))
	fields := []string{"act", "approve", "text", "تأیید شد", "vote." + s.people[0].String(), "for", "vote." + s.people[1].String(), "abstain", "opinion." + s.people[1].String(), "با شرط",
		"vote." + s.people[2].String(), "against"}
	html := b.get(page)
	a := s.decides(b, html, fields...)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if again := s.decides(b, html, fields...); again.StatusCode != http.StatusSeeOther && again.StatusCode != http.StatusNotFound {
		t.Errorf("sent twice: %s\n%s", again.Status, again.body)
	}
	d := s.read(dossierForm, s.dossier)
	if got := d.value("status").Code(); got != "approved" {
		t.Fatalf("the dossier is %s", got)
	}
	decision := s.read(decisionForm, syncproto.RecordID(d.value("approved_by_decision_id").Ref()))
	if got, want := decision.value("subject_version").Text(), hex.EncodeToString(before[:]); got != want {
		t.Errorf("the decision is bound to %s, want %s", got, want)
	}
	if got := len(decision.rows("votes")); got != 2 {
		t.Errorf("%d votes: who was away has none", got)
	}
	if decision.state.Home != syncproto.ScopeOf(s.placeID(102), access.Plain) {
		t.Error("the decision does not stand where the neighbourhood's devices read it")
	}
	content, err := workflow.DecodeCounted(s.parts(d))
	s.must(err)
	again, err := workflow.Freeze(1, d.value("snapshot_formula_version").Text(), content)
	if s.must(err); again.Hash != d.value("snapshot_hash").Text() || len(content) == 0 {
		t.Errorf("what was frozen has %s over %d records, the dossier says %s", again.Hash, len(content), d.value("snapshot_hash").Text())
	}
	s.shows(b.get("/meeting/"+s.meeting.String()), "Approve the dossier", "1 for, 0 against, 1 abstained", "با شرط")
	s.must(s.store.View(t.Context(), func(r store.Reader) error {
		me := s.personOf(r, "province at 11")
		for _, id := range []syncproto.RecordID{s.meeting, decision.state.Record} {
			rows, err := r.History(id)
			if err != nil || len(rows) != 1 || rows[0].Author != me {
				t.Errorf("%s was written %d times: %v", id, len(rows), err)
			}
		}
		return nil
	}))
}

// parts are the texts of what was frozen.
func (s *sitting) parts(d *filed) (texts []string) {
	form, _ := s.forms.FormByName(workflow.SnapshotForm)
	s.must(s.store.View(s.Context(), func(r store.Reader) error {
		rows, err := access.ForOperator(r).Records(store.Filter{Form: uint32(form.ID), Max: 10})
		for _, row := range rows {
			x := filed{form: form, rec: merge.Content(form, row.State), state: row.State}
			if x.value("dossier_id").Ref() == d.id() {
				texts = append(texts, x.value("content").Text())
			}
		}
		return err
	}))
	return texts
}

// TestReturn: a dossier goes back with reasons for its sections, which the field's
// screen shows as what was returned.
func TestReturn(t *testing.T) {
	s := newSitting(t, "submitted")
	b := s.as(access.Province, "11")
	s.meet(b, 0, 1)
	page := "/decide/" + s.dossier.String() + "?meeting=" + s.meeting.String()
	a := s.decides(b, page, "act", "return", "text", "نوشتهٔ من")
	if s.shows(a.body, "reason", "نوشتهٔ من"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %s", a.Status)
	}
	a = s.decides(b, page, "act", "return", "reason.assets", "نشانی‌ها کامل نیست", "by", "")
	if s.shows(a.body, "in whose name", "نشانی‌ها کامل نیست"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("in nobody's name: %s", a.Status)
	}
	a = s.decides(b, page, "act", "return", "reason.assets", "نشانی‌ها کامل نیست", "reason.profile", strings.Repeat("ن", 501), "by", s.people[1].String())
	if a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a reason too long: %s", a.Status)
	}
	a = s.decides(b, page, "act", "return", "reason.assets", "نشانی‌ها کامل نیست", "reason.harm_map", "دو بلوک مانده", "by", s.people[1].String())
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	d := s.read(dossierForm, s.dossier)
	rows := d.rows("returned")
	if d.value("status").Code() != "returned" || len(rows) != 2 || rows[0]["section"].Code() != "assets" || rows[0]["by"].Ref() != schemas.ID(s.people[1]) {
		t.Errorf("the dossier is %s with %v", d.value("status").Code(), rows)
	}
	s.shows(b.get("/meeting/"+s.meeting.String()), "Return the dossier for correction")
}

// TestWhatIsAskedBeforeADecision: without a quorum or the county's review the page
// says so first, and takes the decision once that was read; what somebody changed
// meanwhile is looked at again.
func TestWhatIsAskedBeforeADecision(t *testing.T) {
	s := newSitting(t, "county_reviewed")
	b := s.as(access.Province, "11")
	s.meet(b, 0)
	page := "/decide/" + s.dossier.String() + "?meeting=" + s.meeting.String()
	a := s.decides(b, page, "act", "approve")
	if s.shows(a.body, "Before you decide", "dossier.quorum"); a.StatusCode != http.StatusUnprocessableEntity || s.read(dossierForm, s.dossier).value("status").Code() == "approved" {
		t.Fatalf("without a quorum: %s", a.Status)
	}
	accept := regexp.MustCompile(`name="accept" value="([^"]*)"`).FindStringSubmatch(a.body)
	// Somebody changes what it rests on before the form is sent.
	html := a.body
	s.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"), "title_fa": schemas.TextValue("بام")})
	a = s.decides(b, html, "act", "approve", "accept", accept[1])
	if s.shows(a.body, "was changed since you opened"); a.StatusCode != http.StatusConflict {
		t.Errorf("with another content: %s", a.Status)
	}
	if a = s.decides(b, a.body, "act", "approve", "accept", accept[1]); a.StatusCode != http.StatusSeeOther {
		t.Errorf("once it was read: %s\n%s", a.Status, a.body)
	}
}

// TestWhoDecides: the page is there for who may take a step of the dossier as it is,
// and a meeting is theirs who write at the committee's place.
func TestWhoDecides(t *testing.T) {
	s, readers := newSitting(t, "submitted"), map[string]*reader{}
	for _, x := range []struct {
		role  access.Role
		place string
		page  int
		acts  string
	}{
		{access.Province, "11", http.StatusOK, "approve return defer"}, {access.County, "101", http.StatusOK, "return review"}, {access.County, "104", http.StatusNotFound, ""},
		{access.Province, "12", http.StatusNotFound, ""}, {access.Facilitator, "102", http.StatusNotFound, ""}, {access.TechnicalManager, "101", http.StatusNotFound, ""},
		{access.Steering, "102", http.StatusNotFound, ""}, {access.LocalTeam, "102", http.StatusNotFound, ""}, {access.National, "1", http.StatusNotFound, ""},
	} {
		b := s.as(x.role, x.place)
		readers[string(x.role)+" "+x.place] = b
		page := b.ask(http.MethodGet, "/decide/"+s.dossier.String(), nil)
		if page.StatusCode != x.page {
			t.Errorf("%s at %s: %s", x.role, x.place, page.Status)
		}
		for _, act := range []string{"approve", "return", "review", "defer"} {
			if got, want := strings.Contains(page.body, `name="act" value="`+act+`"`), slices.Contains(strings.Fields(x.acts), act); got != want {
				t.Errorf("%s at %s: %s offered %t", x.role, x.place, act, got)
			}
		}
		if got := b.status("/committee/" + s.committee.String() + "/meeting"); (got == http.StatusOK) != (x.role == access.Province && x.place == "11") {
			t.Errorf("%s at %s records the committee's meeting: %d", x.role, x.place, got)
		}
		if x.page == http.StatusNotFound {
			if a := b.post("/decide/"+s.dossier.String(), "form", strings.Repeat("ab", 16), "seen", strings.Repeat("ab", 32), "act", "approve"); a.StatusCode != http.StatusNotFound {
				t.Errorf("%s at %s sends the form: %s", x.role, x.place, a.Status)
			}
		}
	}
	a := s.decides(readers["county 101"], "/decide/"+s.dossier.String(), "act", "review", "by", "")
	if d := s.read(dossierForm, s.dossier); a.StatusCode != http.StatusSeeOther || d.value("status").Code() != "county_reviewed" || d.value("reviewed_on").IsEmpty() {
		t.Errorf("the county's review: %s\n%s", a.Status, a.body)
	}
	if a := s.decides(readers["province 11"], "/decide/"+s.dossier.String(), "act", "approve"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("approved without a meeting: %s", a.Status)
	}
}

// TestTwoDecide: of two who decide at once the second sees what the first decided.
func TestTwoDecide(t *testing.T) {
	s := newSitting(t, "submitted")
	first, second := s.as(access.Province, "11"), s.as(access.County, "101")
	s.meet(first, 0, 1)
	page := first.get("/decide/" + s.dossier.String() + "?meeting=" + s.meeting.String())
	html := second.get("/decide/" + s.dossier.String())
	if a := s.decides(first, page, "act", "return", "reason.assets", "کم است", "by", s.people[1].String()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if a := s.decides(second, html, "act", "review"); a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusConflict {
		t.Errorf("the second: %s\n%s", a.Status, a.body)
	}
	if got := s.read(dossierForm, s.dossier).value("status").Code(); got != "returned" {
		t.Errorf("the dossier is %s", got)
	}
}
