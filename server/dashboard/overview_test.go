package dashboard

import (
	"net/http"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func day(t *testing.T, text string) schemas.Value {
	t.Helper()
	d, err := jalali.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.DateValue(int32(d.EpochDay()))
}

// neighbourhood makes a place's own record, and a dossier that is due.
func (k *kit) neighbourhood(place uint32, name string) {
	k.Helper()
	id := k.write("neighbourhood", place, map[string]schemas.Value{"name_fa": schemas.TextValue(name), "county": schemas.TextValue("رشت"), "setting": schemas.CodeValue("urban")})
	k.write("dossier", place, map[string]schemas.Value{"neighbourhood_id": schemas.RefValue(schemas.ID(id)), "assigned_on": day(k.T, "1404/10/26"), "due_on": day(k.T, "1404/11/26"), "status": schemas.CodeValue("collecting")})
}

// TestFiguresOfEachRole holds every role against the figures of its own place, a
// place above and one beside: a forged number shows nothing.
func TestFiguresOfEachRole(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.neighbourhood(105, "پرده‌سر")
	k.catchUp()
	const yes, no = http.StatusOK, http.StatusNotFound
	for _, x := range []struct {
		role                                     access.Role
		at                                       string
		own, beside, county, province, elsewhere int
		single                                   bool
	}{
		{access.LocalTeam, "102", yes, no, no, no, no, true},
		{access.Facilitator, "102", yes, no, no, no, no, true},
		{access.Steering, "102", yes, no, no, no, no, true},
		{access.Clinic, "102", yes, no, no, no, no, true},
		{access.TechnicalManager, "102", yes, no, no, no, no, true},
		{access.County, "101", yes, yes, yes, no, no, true},
		{access.Province, "11", yes, yes, yes, yes, no, true},
		{access.National, "1", yes, yes, yes, yes, yes, false},
		{"", "", no, no, no, no, no, false},
	} {
		func() {
			b := k.as(x.role, x.at)
			for place, want := range map[string]int{"102": x.own, "103": x.beside, "101": x.county, "11": x.province, "12": x.elsewhere, "9999": no, "0": no, "-1": no, "102' OR 1=1": no} {
				for _, page := range []string{"/", "/overview/tiles", "/figure/D03", "/figure/D17/part"} {
					r := b.ask(http.MethodGet, page+"?place="+escape(place), nil)
					if r.StatusCode != want {
						t.Errorf("%s: %s of %s: %s, want %d", x.role, page, place, r.Status, want)
					}
				}
			}
			if x.own != yes {
				return
			}
			page := b.get("/figure/D03?place=102")
			if x.single {
				b.shows(page, `<a href="/neighbourhood/102"><bdi>پیرسرا`)
			} else {
				b.hides(page, "<tbody>")
			}
		}()
	}
}

func escape(s string) string { return (&urlEscaper).Replace(s) }

// TestPageSaysWhatTheReportSays: a value on a page is that of the report.
func TestPageSaysWhatTheReportSays(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.neighbourhood(103, "سرچشمه")
	k.catchUp()
	b := k.as(access.Province, "11")
	settings := indicators.ShippedValues()
	var places []syncproto.PlaceID
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		view, err := k.access.View(r, k.personOf(r, "province at 11"))
		if err == nil {
			for _, p := range view.Inside(k.placeID(11)) {
				places = append(places, p.ID)
			}
		}
		return err
	}))
	at := indicators.Moment{Now: k.ms, Today: k.tehran.Day(time.UnixMilli(k.ms))}
	figures, err := k.report.Figures(t.Context(), at, places, &settings)
	k.must(err)
	for _, f := range figures.Figures {
		page := b.get("/figure/" + f.ID)
		for _, v := range f.Values {
			k.shows(page, "<dt>"+v.Title.En+"</dt><dd><bdi>"+htmlEscape(v.In("en", k.forms)))
		}
	}
	f, _ := figures.Figure("D03")
	if v, _ := f.Value("overdue"); v.String() != "2" {
		t.Errorf("overdue is %s, want 2", v)
	}
}

// TestPageMovesWithTheData: what was kept of figures is forgotten when something
// moved.
func TestPageMovesWithTheData(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.catchUp()
	b := k.as(access.County, "101")
	k.shows(b.get("/figure/D01"), "<dt>Neighbourhoods with an assigned dossier</dt><dd><bdi>1")
	k.neighbourhood(103, "سرچشمه")
	k.catchUp()
	k.shows(b.get("/figure/D01/part"), "<dt>Neighbourhoods with an assigned dossier</dt><dd><bdi>2")
}

// TestHostileNames: text of markup, SQL or direction in a name is text.
func TestHostileNames(t *testing.T) {
	k := newKit(t)
	k.place("<script>alert(1)</script>", store.PlaceNeighbourhood, "101")
	k.neighbourhood(106, "'; DROP TABLE people; --")
	k.catchUp()
	b := k.as(access.County, "101")
	page := b.get("/figure/D03")
	k.hides(page, "<script>alert")
	k.shows(page, "DROP TABLE people", "&lt;script&gt;")
	if b.status("/figure/D03'%20OR%201=1") != http.StatusNotFound || b.status("/figure/%3Cscript%3E") != http.StatusNotFound {
		t.Error("a figure that is not there was shown")
	}
}
