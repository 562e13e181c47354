package dashboard

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/sheet"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// take asks for a file; nil for what is not there, or not for this reader.
func (b *reader) take(to string, fields ...string) (rows [][]string, head http.Header) {
	b.Helper()
	a := b.post(to, fields...)
	if a.StatusCode == http.StatusNotFound {
		return nil, a.Header
	}
	if a.StatusCode != http.StatusOK {
		b.Fatalf("%s %q: %s\n%s", to, fields, a.Status, a.body)
	}
	raw, ok := strings.CutPrefix(a.body, "\ufeff")
	if !ok {
		b.Fatalf("%s %q: no byte order mark", to, fields)
	}
	rows, err := csv.NewReader(strings.NewReader(raw)).ReadAll()
	b.must(err)
	return rows, a.Header
}

// column is what stands under a head.
func column(t *testing.T, rows [][]string, head string) (cells []string) {
	t.Helper()
	i := slices.Index(rows[0], head)
	if i < 0 {
		t.Fatalf("no column %q among %q", head, rows[0])
	}
	for _, row := range rows[1:] {
		cells = append(cells, row[i])
	}
	return cells
}

// TestTakeRecordsOfEachRole is the table of what roles read, written by hand and
// held against files: of each compartment, at each place, and what a wider place
// adds up to.
func TestTakeRecordsOfEachRole(t *testing.T) {
	k := newKit(t)
	forms := []string{"asset", "key_person", "harm_rating"}
	for _, place := range []uint32{102, 105} {
		k.neighbourhood(place, fmt.Sprintf("محلهٔ %d", place))
		k.write("asset", place, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue(fmt.Sprintf("سالن %d", place))})
		k.write("key_person", place, map[string]schemas.Value{"full_name": schemas.TextValue("رسول")})
		k.write("harm_rating", place, map[string]schemas.Value{"harm_code": schemas.CodeValue("theft")})
	}
	k.catchUp()
	for _, x := range []struct {
		role  access.Role
		at    string
		page  bool
		reads string // forms of the three compartments
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
		if got := b.status("/take") == http.StatusOK; got != x.page {
			t.Errorf("%s: the page is %t", x.role, got)
		}
		if rows, _ := b.take("/take/neighbourhoods", "as", "csv"); (rows != nil) != x.page {
			t.Errorf("%s took the table: %t", x.role, rows != nil)
		}
		wide := x.role == access.Province
		for _, form := range forms {
			for place, inside := range map[string][]string{"102": {"102"}, "105": {"105"}, "101": {"102"}, "11": {"102", "105"}, "12": {}, "x": {}} {
				var want []string
				// A place is asked for that lies in the reader's own, or is it.
				if mine := place == "102" || x.at == "101" && place == "101" || wide && place != "x" && place != "12"; mine && strings.Contains(x.reads, form) {
					want = inside
				}
				rows, _ := b.take("/take/records", "as", "csv", "place", place, "form", form)
				var got []string
				if rows != nil {
					got = column(t, rows, "Number of the place")
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s took %s of %s: places %q, want %q", x.role, form, place, got, want)
				}
			}
		}
		for _, bad := range [][]string{{"form", "nothing"}, {"form", "asset/nothing"}, {"form", "asset/title_fa"}, {"form", ""}, {"form", "asset' OR 1=1"}} {
			if rows, _ := b.take("/take/records", append(bad, "as", "csv")...); rows != nil {
				t.Errorf("%s took %q", x.role, bad)
			}
		}
	}
}

// TestTakeHoldsValues: codes beside their labels, days in both calendars, rows of a
// list, and no text that a spreadsheet takes for a formula; deleted and erased
// records are not there.
func TestTakeHoldsValues(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	asset := func(title string) syncproto.RecordID {
		return k.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue(title)})
	}
	asset("=1+1\u202e")
	erased := asset("رفته")
	k.must(k.Hub.Erase(t.Context(), erased))
	k.catchUp()
	b := k.as(access.Province, "11")
	rows, head := b.take("/take/records", "as", "csv", "place", "11", "form", "asset")
	if got := head.Get("Content-Disposition"); got != `attachment; filename="mahalleh-asset-11-14041127.csv"` {
		t.Errorf("the file is %s", got)
	}
	if got := head.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("its type is %s", got)
	}
	if got := column(t, rows, "Title"); !slices.Equal(got, []string{"'=1+1"}) {
		t.Errorf("titles are %q", got)
	}
	if code, label := column(t, rows, "Category (code)"), column(t, rows, "Category"); code[0] != "physical" || label[0] == "physical" || label[0] == "" {
		t.Errorf("a code is %q, its label %q", code, label)
	}
	if jalali, iso := column(t, rows, "Recorded on"), column(t, rows, "Recorded on (Gregorian)"); jalali[0] != "1404/11/27" || iso[0] != "2026-02-16" {
		t.Errorf("days are %q and %q", jalali, iso)
	}
	dossier, _ := b.take("/take/records", "as", "csv", "place", "102", "form", "dossier")
	f, _ := k.forms.FormByName("dossier")
	due, _ := f.FieldByName("due_on")
	if jalali, iso := column(t, dossier, due.Label.En), column(t, dossier, due.Label.En+" (Gregorian)"); jalali[0] != "1404/11/26" || iso[0] != "2026-02-15" {
		t.Errorf("due days are %q and %q", jalali, iso)
	}
}

// TestTakeTable: the table of neighbourhoods goes out as its address has it, all its
// pages, and with its filter.
func TestTakeTable(t *testing.T) {
	k := newKit(t)
	for n := range perPage + 5 {
		k.place(fmt.Sprintf("محلهٔ شماره %03d", n), store.PlaceNeighbourhood, "104")
	}
	k.neighbourhood(102, "پیرسرا")
	k.catchUp()
	b := k.as(access.Province, "11")
	rows, _ := b.take("/take/neighbourhoods", "as", "csv", "sort", "late", "col", "late", "col", "due", "page", "2")
	if len(rows) != perPage+5+3+1 || rows[1][1] != "پیرسرا" {
		t.Errorf("%d rows, first %q", len(rows), rows[1])
	}
	if got := column(t, rows, "Due (Gregorian)"); got[0] != "2026-02-15" || got[1] != "" {
		t.Errorf("due days are %q", got[:2])
	}
	if got := column(t, rows, "Days late"); got[0] != "1" {
		t.Errorf("days late are %q", got[:2])
	}
	if rows, _ = b.take("/take/neighbourhoods", "as", "csv", "q", "پيرسرا"); len(rows) != 2 {
		t.Errorf("%d rows of one neighbourhood", len(rows)-1)
	}
	k.shows(b.get("/neighbourhoods?sort=late&col=late&q=x"), `action="/take/neighbourhoods"`, `name="sort" value="late"`, `name="q" value="x"`)
}

// TestTakeFigures: what a figure does not show on its page is not in its file; the
// national office takes no rows of single neighbourhoods.
func TestTakeFigures(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	for range 3 {
		k.write("harm_rating", 102, map[string]schemas.Value{"harm_code": schemas.CodeValue("theft"), "intensity": schemas.IntValue(2)})
	}
	k.catchUp()
	b := k.as(access.Province, "11")
	rows, _ := b.take("/take/figure", "as", "csv", "figure", "D12", "table", "harm_cells", "place", "11")
	if rows == nil {
		t.Fatal("no cells of the harm map")
	}
	if got := column(t, rows, "Ratings"); !slices.Contains(got, "<5") || slices.Contains(got, "3") {
		t.Errorf("three ratings are %q", got)
	}
	late, _ := b.take("/take/figure", "as", "csv", "figure", "D03", "table", "overdue_list")
	if late == nil || !slices.Contains(late[1], "102") || !slices.Contains(late[1], "پیرسرا") {
		t.Errorf("who is late: %q", late)
	}
	if rows, _ := b.take("/take/figure", "as", "csv", "figure", "D03"); len(rows) < 2 {
		t.Errorf("the figure's numbers: %q", rows)
	}
	for _, bad := range [][]string{{"figure", "D03", "table", "nothing"}, {"figure", "D99"}, {"figure", "D03", "place", "12"}} {
		if rows, _ := b.take("/take/figure", append(bad, "as", "csv")...); rows != nil {
			t.Errorf("took %q", bad)
		}
	}
	national := k.as(access.National, "1")
	if rows, _ := national.take("/take/figure", "as", "csv", "figure", "D03", "table", "overdue_list"); rows != nil {
		t.Errorf("the national office took %q", rows)
	}
	if rows, _ := national.take("/take/figure", "as", "csv", "figure", "D03"); rows == nil {
		t.Error("the national office takes no sums")
	}
}

// TestTakeWorkbook: a workbook reads from right to left in Persian, and says what
// it holds and who took it.
func TestTakeWorkbook(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue("=1+1")})
	k.catchUp()
	b := k.as(access.Province, "11")
	b.cookies[langCookie] = "fa"
	f, err := excelize.OpenReader(bytes.NewReader(b.post("/take/records", "as", "xlsx", "form", "asset").raw))
	k.must(err)
	defer func() { k.must(f.Close()) }()
	sheets := f.GetSheetList()
	if len(sheets) != 2 {
		t.Fatalf("sheets are %q", sheets)
	}
	for _, name := range sheets {
		if view, err := f.GetSheetView(name, 0); err != nil || view.RightToLeft == nil || !*view.RightToLeft {
			t.Errorf("sheet %s does not read from right to left: %v", name, err)
		}
	}
	rows, err := f.GetRows(sheets[0])
	k.must(err)
	if len(rows) != 2 || !slices.Contains(rows[1], "=1+1") {
		t.Errorf("the records are %q", rows)
	}
	about, err := f.GetRows(sheets[1])
	k.must(err)
	if !slices.ContainsFunc(about, func(row []string) bool { return len(row) > 1 && row[1] == "province at 11" }) {
		t.Errorf("it does not say who took it: %q", about)
	}
}

// TestTakeIsOnRecord: who took what stands in the chain of acts, also in that of the
// scopes whose records left, before the first byte does. What was not given is not.
func TestTakeIsOnRecord(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.catchUp()
	b := k.as(access.County, "101")
	b.take("/take/records", "as", "csv", "form", "asset", "place", "102")
	b.take("/take/records", "as", "csv", "form", "harm_rating", "place", "102")
	b.take("/take/neighbourhoods", "as", "csv")
	acts := func(scope syncproto.ScopeID) (found []string) {
		k.must(k.store.View(t.Context(), func(r store.Reader) error {
			all, err := r.Audits(scope)
			for _, e := range all {
				if e.Act == "exported" && e.By == k.personOf(r, "county at 101") {
					found = append(found, e.Subject+", "+e.Note)
				}
			}
			return err
		}))
		return found
	}
	if got := acts(syncproto.ScopeID{}); !slices.Equal(got, []string{"form asset, csv place 102", "neighbourhoods, csv place 101"}) {
		t.Errorf("the server's chain has %q", got)
	}
	if got := acts(syncproto.ScopeOf(k.placeID(102), access.Plain)); len(got) != 1 {
		t.Errorf("the scope's chain has %q", got)
	}
	if got := acts(syncproto.ScopeOf(k.placeID(103), access.Plain)); len(got) != 0 {
		t.Errorf("another scope's chain has %q", got)
	}
}

// TestTakeBrokenOff: a file that cannot be ended does not look whole, and one that
// cannot be begun is a page that says so.
func TestTakeBrokenOff(t *testing.T) {
	k := newKit(t)
	b := k.as(access.Province, "11")
	broken := errors.New("the report went away")
	for rows, begun := range map[int]bool{0: false, 100_000: true} {
		h := k.page(route{handle: func(v *visit) error {
			return v.give(taken{name: "t", subject: "t", write: func(w sheet.Writer) error {
				if err := w.Begin("t", []string{"n"}); err != nil {
					return err
				}
				for range rows {
					if err := w.Row([]sheet.Cell{sheet.Number("1")}); err != nil {
						return err
					}
				}
				return broken
			}})
		}})
		web := httptest.NewServer(h)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL, strings.NewReader("as=csv"))
		k.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		res, err := http.DefaultClient.Do(r)
		k.must(err)
		_, err = io.ReadAll(res.Body)
		if got := res.StatusCode == http.StatusOK; got != begun {
			t.Errorf("%d rows: %s", rows, res.Status)
		}
		if (err != nil) != begun {
			t.Errorf("%d rows: the end is %v", rows, err)
		}
		k.must(res.Body.Close())
		web.Close()
	}
}

// TestTakeBadRequests: what no page of ours sends is refused.
func TestTakeBadRequests(t *testing.T) {
	k := newKit(t)
	b := k.as(access.Province, "11")
	for _, as := range []string{"", "exe", "../x"} {
		if a := b.post("/take/neighbourhoods", "as", as); a.StatusCode != http.StatusBadRequest {
			t.Errorf("as %q: %s", as, a.Status)
		}
	}
	if a := b.ask(http.MethodPost, "/take/neighbourhoods", map[string][]string{"as": {"csv"}}, func(r *http.Request) { r.Header.Set("Origin", "http://elsewhere.example") }); a.StatusCode != http.StatusForbidden {
		t.Errorf("from elsewhere: %s", a.Status)
	}
	if a := k.stranger().post("/take/neighbourhoods", "as", "csv"); a.StatusCode == http.StatusOK {
		t.Error("a stranger took the table")
	}
}
