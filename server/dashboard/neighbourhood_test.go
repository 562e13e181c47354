package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// TestRecordsOfEachRole is the table of what roles read, written by hand and held
// against the pages: a neighbourhood's own page, its list of each compartment, and
// a record of each with its history; in another neighbourhood nothing.
func TestRecordsOfEachRole(t *testing.T) {
	k := newKit(t)
	forms := []string{"asset", "key_person", "harm_rating"} // plain, persons, harm
	record := map[string]syncproto.RecordID{}
	for _, place := range []uint32{102, 105} {
		k.neighbourhood(place, fmt.Sprintf("محلهٔ %d", place))
		asset := map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue("سالن")}
		record[fmt.Sprintf("asset%d", place)] = k.write("asset", place, asset)
		record[fmt.Sprintf("key_person%d", place)] = k.write("key_person", place, map[string]schemas.Value{"full_name": schemas.TextValue("رسول")})
		record[fmt.Sprintf("harm_rating%d", place)] = k.write("harm_rating", place, map[string]schemas.Value{"harm_code": schemas.CodeValue("theft")})
	}
	k.catchUp()
	for _, x := range []struct {
		role access.Role
		at   string
		page bool
		// reads are the forms of the three compartments.
		reads string
	}{
		{access.LocalTeam, "102", true, "asset"},
		{access.Steering, "102", true, "asset"},
		{access.Clinic, "102", true, "asset key_person"},
		{access.Facilitator, "102", true, "asset key_person harm_rating"},
		{access.TechnicalManager, "102", true, "asset key_person harm_rating"},
		{access.County, "101", true, "asset key_person"},
		{access.Province, "11", true, "asset"},
		{access.National, "1", false, ""},
		{"", "", false, ""},
	} {
		b := k.as(x.role, x.at)
		wants := func(to string, may bool) {
			t.Helper()
			want := http.StatusNotFound
			if may {
				want = http.StatusOK
			}
			if a := b.ask(http.MethodGet, to, nil); a.StatusCode != want {
				t.Errorf("%s: %s: %s, want %d", x.role, to, a.Status, want)
			}
		}
		wants("/neighbourhoods", x.page)
		wide := x.role == access.Province
		for _, place := range []uint32{102, 105} {
			mine := place == 102 || wide
			wants(fmt.Sprintf("/neighbourhood/%d", place), x.page && mine)
			for _, form := range forms {
				may := mine && strings.Contains(x.reads, form)
				wants(fmt.Sprintf("/neighbourhood/%d/%s", place, form), may)
				wants("/record/"+record[fmt.Sprintf("%s%d", form, place)].String(), may)
			}
		}
		// A county, a forged form, a forged id.
		for _, to := range []string{"/neighbourhood/101", "/neighbourhood/0", "/neighbourhood/102/nothing", "/neighbourhood/102/asset?after=x",
			"/record/x", "/record/00000000-0000-0000-0000-000000000000", "/record/" + (syncproto.RecordID{1}).String(), "/neighbourhoods?place=12"} {
			wants(to, false)
		}
	}
}

// TestTableOfNeighbourhoods: sorted, filtered and cut as the address says.
func TestTableOfNeighbourhoods(t *testing.T) {
	k := newKit(t)
	for n := range perPage + 5 {
		k.place(fmt.Sprintf("محلهٔ شماره %03d", n), store.PlaceNeighbourhood, "104")
	}
	k.neighbourhood(102, "پیرسرا")
	k.catchUp()
	b := k.as(access.Province, "11")
	rows := func(query string) (names []string) {
		page := b.get("/neighbourhoods?" + query)
		body := page[strings.Index(page, "<tbody"):]
		for _, part := range strings.Split(body, `<th scope="row">`)[1:] {
			_, rest, _ := strings.Cut(part, "<bdi>")
			name, _, _ := strings.Cut(rest, "</bdi>")
			names = append(names, name)
		}
		return names
	}
	first := rows("")
	if len(first) != perPage || first[0] != "پرده‌سر" || first[1] != "پیرسرا" {
		t.Errorf("%d rows, first %q", len(first), first[:2])
	}
	if last := rows("page=2"); len(last) != 8 {
		t.Errorf("%d rows on the second page, want 8", len(last))
	}
	if down := rows("down=1"); down[0] == first[0] {
		t.Error("the order was not turned")
	}
	if late := rows("sort=late"); late[0] != "پیرسرا" {
		t.Errorf("the latest is %q", late[0])
	}
	for query, want := range map[string]int{"q=" + url.QueryEscape("پيرسرا"): 1, "status=published": 0, "q=105": 1,
		"q=" + url.QueryEscape("%' OR 1=1 --"): 0, "q=" + url.QueryEscape("رشت"): 2, "place=101": 2, "sort=nothing&col=nothing&page=-3": perPage, "page=999": 8} {
		if got := rows(query); len(got) != want {
			t.Errorf("%s: %d rows, want %d", query, len(got), want)
		}
	}
	if got := b.get("/neighbourhoods?q=102"); !strings.Contains(got, "1404/11/26") {
		t.Errorf("the due day is not there:\n%s", got)
	}
	page := b.get("/neighbourhoods?q=" + url.QueryEscape(`"><script>alert(1)</script>`+"\u202e"))
	k.hides(page, "<script>alert")
	k.shows(b.get("/neighbourhoods?col=gates&sort=gates"), `aria-sort="ascending"`, "Sections that lack something")
}

// TestHistoryOfValues: every value that a field ever had is on the record's page,
// with who wrote it, and text in it is text.
func TestHistoryOfValues(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	title := "<b>سالن</b> \u202e'; DROP"
	id := k.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue("سالن نخست")})
	k.edit(id, "asset", "title_fa", schemas.TextValue(title))
	b := k.as(access.Province, "11")
	page := b.get("/record/" + id.String())
	k.shows(page, "سالن نخست", "&lt;b&gt;سالن&lt;/b&gt;", "recorded", "edited", "office", "somebody unknown")
	k.hides(page, "<b>سالن")
	k.shows(b.get("/neighbourhood/102/asset"), "&lt;b&gt;سالن&lt;/b&gt;", id.String())
	k.must(k.Hub.Erase(t.Context(), id))
	if got := b.status("/record/" + id.String()); got != http.StatusNotFound {
		t.Errorf("an erased record: %d", got)
	}
}

// edit sets a field of a record, as the office writes.
func (k *kit) edit(id syncproto.RecordID, form, field string, v schemas.Value) {
	k.Helper()
	f, _ := k.forms.FormByName(form)
	x, _ := f.FieldByName(field)
	author := syncproto.PersonID{9}
	k.ms += 1000
	_, err := k.Hub.Office(k.Context(), author, id, k.editing(f, author, func(r *schemas.Record) { r.Fields[x.ID] = v }))
	k.must(err)
}
