package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// rivals makes a record with a field of a text in which two people wrote different
// things on what was there before, and gives the address of the conflict.
func (k *kit) rivals(form, field string, place uint32, values map[string]schemas.Value, first, second string) (syncproto.RecordID, string) {
	k.Helper()
	id := k.write(form, place, values)
	f, _ := k.forms.FormByName(form)
	x, ok := f.FieldByName(field)
	if !ok {
		k.Fatalf("no field %s.%s", form, field)
	}
	opened := k.state(id)
	for i, text := range []string{first, second} {
		k.ms += 60_000
		author := syncproto.PersonID{20 + byte(i)}
		_, err := k.Hub.Office(k.Context(), author, id, func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
			before := merge.Content(f, opened)
			after := before.Clone()
			after.Fields[x.ID] = schemas.TextValue(text)
			edit := merge.Edit{Form: f, Opened: opened, Before: before, After: after, Author: author}
			return hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(f.ID), Ops: edit.Ops()}, nil
		})
		k.must(err)
	}
	open := merge.Conflicts(k.state(id))
	if len(open) != 1 {
		k.Fatalf("%d conflicts", len(open))
	}
	return id, "/conflict/" + id.String() + "/" + wire.ConflictID(id, open[0].Cell)
}

var hall = map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"), "title_fa": schemas.TextValue("سالن")}

// hiddenValue is the value of a hidden field, or the first of a name, of a page.
func hiddenValue(page, name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}

// choices are the values between which a conflict's page lets one choose, by what they say.
func choices(page string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`name="choice" value="([^"]+)"[^>]*> <span class="value"><bdi>([^<]*)</bdi>`).FindAllStringSubmatch(page, -1) {
		all[m[2]] = m[1]
	}
	return all
}

// settles sends the form of a conflict's page.
func (b *reader) settles(page, to, choice, reason string, more ...string) answer {
	b.Helper()
	return b.post(to, append([]string{"form", hiddenValue(page, "form"), "seen", hiddenValue(page, "seen"), "choice", choice, "reason", reason}, more...)...)
}

// A conflict is seen with who, when and what stood before, and settled with a reason:
// everything that was seen is named, as on a device.
func TestAConflictIsSettledOnAPage(t *testing.T) {
	k := newKit(t)
	id, to := k.rivals("asset", "title_fa", 102, hall, "سالن بالا", "سالن پایین")
	b := k.as(access.TechnicalManager, "101")
	k.shows(b.get("/conflicts"), to, "سالن بالا", "سالن پایین", "پیرسرا", "Asset")
	page := b.get(to)
	k.shows(page, "Before both", "سالن</bdi>", "office", "somebody unknown")
	if len(choices(page)) != 2 {
		t.Fatalf("choices %v", choices(page))
	}
	for name, c := range map[string]struct{ choice, reason, says string }{
		"no reason":                   {choices(page)["سالن بالا"], " ", "Write a reason"},
		"a long one":                  {choices(page)["سالن بالا"], strings.Repeat("م", maxReason+1), "too long"},
		"no choice":                   {"", "دیدم", "Nothing was chosen"},
		"a value that nobody wrote":   {strings.Repeat("ab", 16), "دیدم", "Nothing was chosen"},
		"another value that breaks a": {choiceNew, "دیدم", "Title"},
	} {
		a := b.settles(page, to, c.choice, c.reason, "value", strings.Repeat("س", 300))
		if a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, c.says) {
			t.Errorf("%s: %s, says nothing of %q", name, a.Status, c.says)
		}
		if strings.TrimSpace(c.reason) != "" {
			k.shows(a.body, htmlEscape(c.reason))
		}
	}
	if n := k.state(id).Number; n != 3 {
		t.Fatalf("version %d", n)
	}
	for range 2 { // a double click
		if a := b.settles(page, to, choices(page)["سالن بالا"], "با چشم دیدم <b>"); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("settling: %s\n%s", a.Status, a.body)
		}
	}
	if got := k.text("asset", "title_fa", id); got != "سالن بالا" || k.state(id).Number != 4 || len(merge.Conflicts(k.state(id))) != 0 {
		t.Errorf("%q stands in version %d with %d conflicts", got, k.state(id).Number, len(merge.Conflicts(k.state(id))))
	}
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		row, err := r.Change(k.state(id).Latest)
		k.must(err)
		ch, err := wire.DecodeChange(row.Bytes)
		if ch.Header.Verb != syncproto.VerbSettle || syncproto.ReasonOf(ch.Ops) != "با چشم دیدم <b>" {
			t.Errorf("verb %s, reason %q", ch.Header.Verb, syncproto.ReasonOf(ch.Ops))
		}
		return err
	}))
	k.shows(b.get("/conflicts"), "The conflict is settled", "Nothing waits here")
	if a := b.ask(http.MethodGet, to, nil); a.Header.Get("Location") != "/record/"+id.String() {
		t.Errorf("a settled conflict: %s to %q", a.Status, a.Header.Get("Location"))
	}
	k.shows(b.get("/record/"+id.String()), "was settled already")
}

// Two who settle the same conflict: the second is shown what is new, and nothing of
// theirs is written.
func TestTwoSettleTheSameConflict(t *testing.T) {
	k := newKit(t)
	id, to := k.rivals("asset", "title_fa", 102, hall, "یک", "دو")
	first, second := k.as(access.TechnicalManager, "101"), k.as(access.Province, "گیلان")
	page, other := first.get(to), second.get(to)
	if a := second.settles(other, to, choiceNew, "پرسیدیم", "value", "سه"); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status, a.body)
	}
	a := first.settles(page, to, choices(page)["یک"], "دیدم")
	if a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusConflict {
		t.Errorf("the second: %s", a.Status)
	}
	if got := k.text("asset", "title_fa", id); got != "سه" || k.state(id).Number != 4 {
		t.Errorf("%q stands in version %d", got, k.state(id).Number)
	}
	// A third value that comes while the page is open is a change too.
	id, to = k.rivals("asset", "title_fa", 103, hall, "یک", "دو")
	page = first.get(to)
	stale := k.state(id)
	f, _ := k.forms.FormByName("asset")
	_, err := k.Hub.Office(t.Context(), syncproto.PersonID{31}, id, func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		stale.Cells = map[syncproto.CellKey]*syncproto.Cell{} // its author saw nothing
		x, _ := f.FieldByName("title_fa")
		edit := merge.Edit{Form: f, Opened: stale, Before: schemas.Record{}, After: schemas.Record{Fields: map[schemas.FieldID]schemas.Value{x.ID: schemas.TextValue("چهار")}}, Author: syncproto.PersonID{31}}
		return hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(f.ID), Ops: edit.Ops()}, nil
	})
	k.must(err)
	a = first.settles(page, to, choices(page)["یک"], "دیدم")
	if a.StatusCode != http.StatusConflict {
		t.Fatalf("a value came meanwhile: %s", a.Status)
	}
	k.shows(a.body, "چهار", "Nothing was written", "دیدم")
	if len(merge.Conflicts(k.state(id))) != 1 {
		t.Error("it was settled all the same")
	}
}

// Who may settle which conflict, by the table of what a screen shows: - sees nothing of
// it, r sees it, s settles it.
func TestWhoSettles(t *testing.T) {
	k := newKit(t)
	org := map[string]schemas.Value{"name_fa": schemas.TextValue("دهیاری")}
	person := map[string]schemas.Value{"full_name": schemas.TextValue("کسی")}
	addresses := map[string]string{}
	records := map[string]syncproto.RecordID{}
	for name, c := range map[string]struct {
		form, field string
		place       uint32
		values      map[string]schemas.Value
	}{"reference": {"organisation", "name_fa", 102, org}, "plain": {"asset", "title_fa", 102, hall}, "persons": {"person", "full_name", 102, person}, "beside": {"asset", "title_fa", 105, hall}} {
		records[name], addresses[name] = k.rivals(c.form, c.field, c.place, c.values, "یک", "دو")
	}
	for _, c := range []struct {
		role  access.Role
		place string
		may   map[string]string
	}{
		{access.LocalTeam, "102", map[string]string{"reference": "r", "plain": "r"}},
		{access.Steering, "102", map[string]string{"reference": "r", "plain": "r"}},
		{access.Clinic, "102", map[string]string{"reference": "r", "plain": "r", "persons": "r"}},
		{access.Facilitator, "102", map[string]string{"reference": "r", "plain": "s", "persons": "s"}},
		{access.TechnicalManager, "101", map[string]string{"reference": "s", "plain": "s", "persons": "s"}},
		{access.County, "101", map[string]string{"reference": "s", "plain": "r", "persons": "r"}},
		{access.Province, "گیلان", map[string]string{"reference": "s", "plain": "s", "beside": "s"}},
		{access.National, "ایران", map[string]string{}},
		{"", "", map[string]string{}},
	} {
		b := k.as(c.role, c.place)
		for name, to := range addresses {
			a := b.ask(http.MethodGet, to, nil)
			may := c.may[name]
			if (a.StatusCode == http.StatusOK) != (may != "") || may == "" && a.StatusCode != http.StatusNotFound {
				t.Errorf("%s looks at the conflict in %s: %s", c.role, name, a.Status)
				continue
			}
			if offered := strings.Contains(a.body, `name="choice"`); offered != (may == "s") {
				t.Errorf("%s is offered to settle in %s: %t", c.role, name, offered)
			}
			number := k.state(records[name]).Number
			if may != "s" { // who asks without the page's form
				seen := seenOf(k.state(records[name]), merge.Conflicts(k.state(records[name]))[0].Cell)
				version := merge.Conflicts(k.state(records[name]))[0].Shown[0].String()
				for _, path := range []string{to, to + "/assign"} {
					a := b.post(path, "form", k.formName(), "seen", seen, "choice", version, "reason", "دیدم", "to", "")
					if a.StatusCode != http.StatusNotFound {
						t.Errorf("%s asks %s without the right: %s", c.role, path, a.Status)
					}
				}
				b.post("/conflicts", "form", k.formName(), "reason", "دیدم", "pick", strings.TrimPrefix(to, "/conflict/")+"/"+seen)
			}
			if k.state(records[name]).Number != number {
				t.Errorf("%s wrote in %s", c.role, name)
			}
		}
		if c.role == access.National || c.role == "" {
			if got := b.status("/conflicts"); got != http.StatusNotFound {
				t.Errorf("%q sees the queue: %d", c.role, got)
			}
			continue
		}
		all := b.get("/conflicts?whose=all")
		for name, to := range addresses {
			if strings.Contains(all, to) != (c.may[name] != "") {
				t.Errorf("the queue of %s and the conflict in %s", c.role, name)
			}
			if mine := b.get("/conflicts"); strings.Contains(mine, to) != (c.may[name] == "s") {
				t.Errorf("what %s may settle, and the conflict in %s", c.role, name)
			}
		}
	}
}

// Several are settled together with one reason; one that changed meanwhile holds up
// no other.
func TestSeveralConflictsAreSettledTogether(t *testing.T) {
	k := newKit(t)
	b := k.as(access.TechnicalManager, "101")
	var ids []syncproto.RecordID
	for i := range 3 {
		id, _ := k.rivals("asset", "title_fa", 102, hall, fmt.Sprintf("الف%d", i), fmt.Sprintf("ب%d", i))
		ids = append(ids, id)
	}
	page := b.get("/conflicts?place=102&form=asset")
	picks := regexp.MustCompile(`name="pick" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(picks) != 3 {
		t.Fatalf("%d can be picked", len(picks))
	}
	form := url.Values{"form": {hiddenValue(page, "form")}, "reason": {"با هم شمردیم"}}
	for _, m := range picks {
		form.Add("pick", m[1])
	}
	to := "/conflict/" + picks[0][1][:36+1+32]
	one := b.get(to)
	if a := b.settles(one, to, choiceNew, "دیدم", "value", "سوم"); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	a := b.ask(http.MethodPost, "/conflicts?place=102", form)
	k.shows(a.body, "2 conflicts were settled", "1 was not")
	again := b.ask(http.MethodPost, "/conflicts?place=102", form)
	k.shows(again.body, "2 conflicts were settled")
	for _, id := range ids {
		if n := k.state(id).Number; n != 4 || len(merge.Conflicts(k.state(id))) != 0 {
			t.Errorf("version %d with %d conflicts", n, len(merge.Conflicts(k.state(id))))
		}
	}
	for name, c := range map[string]url.Values{
		"nothing picked": {"form": form["form"], "reason": {"دیدم"}},
		"no reason":      {"form": form["form"], "pick": form["pick"]},
	} {
		if a := b.ask(http.MethodPost, "/conflicts", c); a.StatusCode >= 500 || strings.Contains(a.body, "settled.") {
			t.Errorf("%s: %s", name, a.Status)
		}
	}
	for _, pick := range []string{"x", "a/b/c", strings.Repeat("/", 2), picks[0][1] + "/x"} {
		a := b.post("/conflicts", "form", k.formName(), "reason", "دیدم", "pick", pick)
		if a.StatusCode >= 500 || strings.Contains(a.body, "was settled.") {
			t.Errorf("%q: %s", pick, a.Status)
		}
	}
}

// The queue narrows by place, form, age and who looks at it.
func TestTheQueueNarrowsAndIsAssigned(t *testing.T) {
	k := newKit(t)
	_, old := k.rivals("asset", "title_fa", 102, hall, "یک", "دو")
	k.ms += 8 * 24 * 3600 * 1000
	_, fresh := k.rivals("organisation", "name_fa", 103, map[string]schemas.Value{"name_fa": schemas.TextValue("دهیاری")}, "سه", "چهار")
	b, county := k.as(access.TechnicalManager, "101"), k.as(access.County, "101")
	for query, want := range map[string][2]bool{"": {true, true}, "?place=102": {true, false}, "?place=103": {false, true}, "?form=asset": {true, false},
		"?age=late": {true, false}, "?whose=nobody": {true, true}, "?whose=me": {false, false}, "?form=x%27%3B--": {false, false}, "?page=9": {true, true}} {
		page := b.get("/conflicts" + query)
		if strings.Contains(page, old) != want[0] || strings.Contains(page, fresh) != want[1] {
			t.Errorf("%q shows the old one %t and the fresh one %t", query, strings.Contains(page, old), strings.Contains(page, fresh))
		}
	}
	if got := b.status("/conflicts?place=105"); got != http.StatusNotFound {
		t.Errorf("another county's: %d", got)
	}
	var me, other string
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		me, other = k.personOf(r, "technical_manager at 101").String(), k.personOf(r, "county at 101").String()
		return nil
	}))
	if a := county.post(fresh+"/assign", "to", me); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	k.shows(b.get("/conflicts?whose=me"), fresh, "technical_manager at 101")
	k.shows(b.get(fresh), "Assigned to technical_manager at 101")
	// Who may not settle it is not given it.
	for _, to := range []string{other, strings.Repeat("0", 31) + "7"} {
		if a := b.post(old+"/assign", "to", to); a.StatusCode != http.StatusNotFound {
			t.Errorf("to %s: %s", to, a.Status)
		}
	}
	if a := county.post(fresh+"/assign", "to", ""); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	k.hides(b.get("/conflicts?whose=me"), fresh)
}

// What people wrote is shown as text, in both directions of writing.
func TestAConflictShowsHostileText(t *testing.T) {
	k := newKit(t)
	_, to := k.rivals("asset", "title_fa", 102, hall, `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`)
	b := k.as(access.TechnicalManager, "101")
	for _, at := range []string{to, "/conflicts"} {
		k.hides(b.get(at), "<script>alert", "<img src=x")
		k.shows(b.get(at), "&lt;script&gt;alert(1)")
	}
}

// TestWhatIsSettledIsAssignedToNobody: an assignment goes with its conflict, settled on a
// page, or on a device when something is assigned again.
func TestWhatIsSettledIsAssignedToNobody(t *testing.T) {
	k := newKit(t)
	b := k.as(access.TechnicalManager, "101")
	id, byPage := k.rivals("asset", "title_fa", 102, hall, "بالا", "پایین")
	other, byDevice := k.rivals("asset", "title_fa", 102, hall, "چپ", "راست")
	_, open := k.rivals("asset", "title_fa", 103, hall, "یک", "دو")
	var me string
	held := func() (n int) {
		k.must(k.store.View(t.Context(), func(r store.Reader) error {
			me = k.personOf(r, "technical_manager at 101").String()
			all, err := readHoldings(r)
			n = len(all)
			return err
		}))
		return n
	}
	held()
	for _, to := range []string{byPage, byDevice} {
		if a := b.post(to+"/assign", "to", me); a.StatusCode != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
	}
	if n := held(); n != 2 {
		t.Fatalf("%d are assigned", n)
	}
	page := b.get(byPage)
	if a := b.settles(page, byPage, choices(page)["بالا"], "دیدم"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if n := held(); n != 1 || len(merge.Conflicts(k.state(id))) > 0 {
		t.Errorf("%d are assigned after one was settled on a page", n)
	}
	f, _ := k.forms.FormByName("asset")
	_, err := k.Hub.Office(t.Context(), syncproto.PersonID{9}, other, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		content, cell := merge.Content(f, s), merge.Conflicts(s)[0].Cell
		edit := merge.Edit{Form: f, Opened: s, Before: content, After: content, Author: syncproto.PersonID{9}, Settled: map[syncproto.CellKey]bool{cell: true}}
		return hub.OfficeEdit{Verb: syncproto.VerbSettle, Ops: edit.Ops()}, nil
	})
	k.must(err)
	if a := b.post(open+"/assign", "to", me); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if n := held(); n != 1 || len(merge.Conflicts(k.state(other))) > 0 {
		t.Errorf("%d are assigned after one was settled elsewhere", n)
	}
}
