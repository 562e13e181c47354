package dashboard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// doors are the roles at whose pages TestEveryDoor knocks, in the order of its columns:
// those of the neighbourhood 102, its county and province, the nation, somebody of
// another county, and who has no role at all.
var doors = []struct {
	letter string
	role   access.Role
	place  string
}{
	{"L", access.LocalTeam, "102"}, {"S", access.Steering, "102"}, {"F", access.Facilitator, "102"}, {"C", access.Clinic, "102"}, {"T", access.TechnicalManager, "102"},
	{"O", access.County, "101"}, {"P", access.Province, "11"}, {"N", access.National, "1"}, {"X", access.TechnicalManager, "104"}, {"Z", "", ""},
}

// openTo says, written by hand, to whom each address answers; everybody else is told that
// nothing is there. An address that is not here fails the test: nothing is open by default.
var openTo = map[string]string{
	"GET /{$}":                           "LSFCTOPN",
	"GET /overview/tiles":                "LSFCTOPN",
	"GET /figure/{id}":                   "LSFCTOPN",
	"GET /figure/{id}/part":              "LSFCTOPN",
	"GET /needs":                         "LSFCTOPN",
	"GET /neighbourhoods":                "LSFCTOP",
	"GET /neighbourhood/{number}":        "LSFCTOP",
	"GET /neighbourhood/{number}/{form}": "FCTO", // of persons
	"GET /map":                           "LSFCTOP",
	"GET /take":                          "LSFCTOP",
	"GET /meetings":                      "LSFCTOP",
	"GET /committee/{id}/meeting":        "P",
	"GET /meeting/{id}":                  "P",
	"GET /meeting/{id}/pack":             "P",
	"GET /decide/{id}":                   "OP",
	"GET /allocate/{id}":                 "OP",
	"GET /renew/{id}":                    "OP",
	"GET /record/{id}":                   "FCTO", // of a person
	"GET /conflicts":                     "LSFCTOP",
	"GET /conflict/{record}/{id}":        "FCTO", // of a person
	"GET /likely":                        "LSFCTOP",
	"GET /likely/{a}/{b}":                "FCTO", // of two persons
	"GET /people":                        "OP",
	"GET /person/{id}":                   "OP",
	"GET /devices":                       "OP",
}

// forAll are addresses that show nothing of anybody but whoever asks, or nothing at all.
var forAll = []string{"GET /", "GET /account", "GET /events", "GET /invite", "GET /second", "GET /signin"}

// elsewhere are those whose own tests ask every role: TestWhoSeesWhatWasSetAside, TestPeople.
var elsewhere = []string{"GET /aside", "GET /aside/{id}", "GET /device/{id}"}

// house is a sitting with a record behind each door.
type house struct {
	*sitting
	at map[string]string // an address of each pattern
}

func newHouse(t *testing.T) *house {
	s := newSitting(t, "submitted")
	person := func(name string) syncproto.RecordID {
		return s.write("person", 102, map[string]schemas.Value{"full_name": schemas.TextValue(name)})
	}
	one, two := person("زهرا احمدی"), person("زهرا احمدی")
	_, conflict := s.rivals("person", "full_name", 102, map[string]schemas.Value{"full_name": schemas.TextValue("مریم")}, "مریم الف", "مریم ب")
	line := s.write(lineForm, 102, map[string]schemas.Value{"programme": schemas.CodeValue("comprehensive"), "item": schemas.CodeValue("activity"), "province_code": schemas.CodeValue("01"),
		"jalali_year": schemas.IntValue(1404), "approved_rial": schemas.IntValue(300_000_000)})
	agreement := s.write(agreementForm, 102, map[string]schemas.Value{"number": schemas.TextValue("۱"), "programme": schemas.CodeValue("comprehensive"), "state": schemas.CodeValue("draft")})
	meeting := s.write(meetingForm, 11, map[string]schemas.Value{"committee_id": schemas.RefValue(schemas.ID(s.committee)), "held_on": schemas.DateValue(20_000), "present_ids": schemas.RefsValue(schemas.ID(s.people[0]))})
	_, _, err := s.server.Admin().AddWith(t.Context(), "تسهیلگر", string(access.Facilitator), "102")
	s.must(err)
	who := ""
	s.must(s.store.View(t.Context(), func(r store.Reader) error {
		who = s.personOf(r, "تسهیلگر").String()
		return nil
	}))
	s.catchUp()
	return &house{s, map[string]string{
		"GET /{$}": "/?place=102", "GET /overview/tiles": "/overview/tiles?place=102", "GET /figure/{id}": "/figure/D01?place=102", "GET /figure/{id}/part": "/figure/D01/part?place=102",
		"GET /needs": "/needs?place=102", "GET /neighbourhoods": "/neighbourhoods?place=102", "GET /neighbourhood/{number}": "/neighbourhood/102",
		"GET /neighbourhood/{number}/{form}": "/neighbourhood/102/person", "GET /map": "/map?place=102", "GET /take": "/take?place=102", "GET /meetings": "/meetings?place=102",
		"GET /committee/{id}/meeting": "/committee/" + s.committee.String() + "/meeting", "GET /meeting/{id}": "/meeting/" + meeting.String(), "GET /meeting/{id}/pack": "/meeting/" + meeting.String() + "/pack",
		"GET /decide/{id}": "/decide/" + s.dossier.String(), "GET /allocate/{id}": "/allocate/" + line.String(), "GET /renew/{id}": "/renew/" + agreement.String(),
		"GET /record/{id}": "/record/" + one.String(), "GET /conflicts": "/conflicts?place=102", "GET /conflict/{record}/{id}": conflict,
		"GET /likely": "/likely?place=102", "GET /likely/{a}/{b}": likelyAddress(one, two), "GET /people": "/people", "GET /person/{id}": "/person/" + who, "GET /devices": "/devices",
	}}
}

// changes counts the changes of all logs.
func (h *house) changes() (n uint64) {
	h.Helper()
	h.must(h.store.View(h.Context(), func(r store.Reader) error {
		logs, err := r.Logs(syncproto.DeviceID{})
		for _, l := range logs {
			n += l.Received
		}
		return err
	}))
	return n
}

// TestEveryDoor knocks at every page as every role: the page answers those of the table and
// nobody else, and what is sent to a closed one writes nothing.
func TestEveryDoor(t *testing.T) {
	h := newHouse(t)
	for _, rt := range h.routes() {
		if strings.HasPrefix(rt.pattern, "GET ") && openTo[rt.pattern] == "" && !slices.Contains(forAll, rt.pattern) && !slices.Contains(elsewhere, rt.pattern) {
			t.Errorf("%s is in no table", rt.pattern)
		}
	}
	written := h.changes()
	for _, x := range doors {
		b := h.as(x.role, x.place)
		for pattern, open := range openTo {
			to := h.at[pattern]
			want := http.StatusNotFound
			if strings.Contains(open, x.letter) {
				want = http.StatusOK
			}
			if got := b.status(to); got != want {
				t.Errorf("%s %s as %s at %s: %d, want %d", pattern, to, x.role, x.place, got, want)
			}
			if want == http.StatusOK || !strings.Contains(pattern, "{") || !slices.ContainsFunc(h.routes(), func(rt route) bool { return rt.pattern == "POST "+strings.TrimPrefix(pattern, "GET ") }) {
				continue
			}
			path, _, _ := strings.Cut(to, "?")
			seen := seenOf(h.state(h.dossier))
			a := b.post(path, "form", h.formName(), "seen", seen, "seen.a", seen, "seen.b", seen, "act", "unite", "keep", "a", "choice", "new", "value", "x", "reason", "دیدم", "name", "x", "role", "facilitator", "place", "102")
			if a.StatusCode != http.StatusNotFound {
				t.Errorf("POST %s as %s at %s: %s", path, x.role, x.place, a.Status)
			}
		}
	}
	if now := h.changes(); now != written {
		t.Errorf("%d changes were written", now-written)
	}
}

// TestForgedAddresses: ids and scopes that somebody made up, or that are another's, lead
// nowhere, are not shown as markup, and are nobody's fault.
func TestForgedAddresses(t *testing.T) {
	h := newHouse(t)
	b := h.as(access.Province, "11")
	forged := []string{"x", "0", "-1", strings.Repeat("0", 32), strings.Repeat("f", 32), strings.Repeat("9", 400), "1'%20OR%20'1'='1", "..%2f..%2fetc%2fpasswd",
		"%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%E2%80%AE102", "%00", h.placeID(105).String(), syncproto.ScopeOf(h.placeID(102), "persons").String()}
	written := h.changes()
	for _, rt := range h.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if !strings.Contains(path, "{") || strings.Contains(path, "{$}") {
			continue
		}
		for _, id := range forged {
			to := path
			for _, name := range []string{"{id}", "{record}", "{a}", "{b}", "{number}", "{form}"} {
				to = strings.ReplaceAll(to, name, id)
			}
			form := url.Values(nil)
			if method == http.MethodPost {
				form = url.Values{"form": {h.formName()}, "seen": {seenOf(h.state(h.dossier))}, "reason": {"دیدم"}, "act": {"unite"}, "keep": {"a"}, "to": {id}}
			}
			a := b.ask(method, to, form)
			if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %s", method, to, a.Status)
			}
			h.hides(a.body, "<script>alert")
		}
	}
	if now := h.changes(); now != written {
		t.Errorf("%d changes were written", now-written)
	}
}

// TestMalformedQueries: whatever stands behind the question mark, a page answers or says
// that nothing is there.
func TestMalformedQueries(t *testing.T) {
	h := newHouse(t)
	b := h.as(access.Province, "11")
	for pattern, to := range h.at {
		path, _, _ := strings.Cut(to, "?")
		for _, name := range []string{"place", "page", "after", "form", "sort", "status", "q", "meeting", "age", "whose", "col", "show", "by", "need", "round"} {
			for _, value := range []string{"", "-1", "99999999999999999999", "1e9", "NaN", "'; DROP TABLE records; --", "<script>alert(1)</script>", "\u202e102", "\x00", "a\r\nSet-Cookie: x=1", strings.Repeat("ا", 500)} {
				a := b.ask(http.MethodGet, path+"?"+url.Values{name: {value}}.Encode(), nil)
				if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s with %s=%q: %s", pattern, name, value, a.Status)
				}
				if strings.Contains(a.body, "<script>alert") || a.Header.Get("Set-Cookie") == "x=1" {
					t.Errorf("%s with %s=%q is taken as it is", pattern, name, value)
				}
			}
		}
	}
}

// TestEveryFormIsOurs: every address that takes a form refuses those of other sites'
// pages, before it looks at anything.
func TestEveryFormIsOurs(t *testing.T) {
	h := newHouse(t)
	b := h.as(access.Province, "11")
	written, asked := h.changes(), 0
	for _, rt := range h.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if method != http.MethodPost {
			continue
		}
		for _, name := range []string{"{id}", "{record}", "{a}", "{b}"} {
			path = strings.ReplaceAll(path, name, h.dossier.String())
		}
		for name, change := range map[string]func(*http.Request){
			"another's origin": func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
			"no origin":        func(r *http.Request) { r.Header.Del("Origin") },
			"another site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		} {
			asked++
			if a := b.ask(http.MethodPost, path, url.Values{"form": {h.formName()}}, change); a.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s from %s: %s", path, name, a.Status)
			}
		}
	}
	if now := h.changes(); now != written || asked < 60 {
		t.Errorf("%d changes were written, %d forms sent", now-written, asked)
	}
}

// TestHostileTextInEveryField: SQL, markup, formulas and controls of direction in every
// field of text of every form are shown as text: on the record's page with its history, in
// its list, and in the file of it.
func TestHostileTextInEveryField(t *testing.T) {
	k := newKit(t)
	hostile := "=HYPERLINK(\"http://evil.example\") <script>alert(1)</script> <img src=x onerror=alert(1)> '; DROP TABLE records; -- \u202eدرست\u2066"
	manager, province := k.as(access.TechnicalManager, "102"), k.as(access.Province, "11")
	for _, form := range k.forms.Forms() {
		values := map[string]schemas.Value{}
		for _, f := range form.Fields() {
			if (f.Type == schemas.TypeText || f.Type == schemas.TypeLongText) && !f.ByProgram && f.Pattern == "" {
				values[f.Name] = schemas.TextValue(hostile)
			}
		}
		if len(values) == 0 {
			continue
		}
		id, ok := k.tryWrite(form, 102, values)
		if !ok {
			continue
		}
		reader := manager
		if reader.status("/record/"+id.String()) != http.StatusOK {
			reader = province
		}
		for _, to := range []string{"/record/" + id.String(), "/neighbourhood/102/" + form.Name, "/likely?place=102&form=" + form.Name, "/conflicts?place=102"} {
			a := reader.ask(http.MethodGet, to, nil)
			if a.StatusCode >= 500 {
				t.Errorf("%s of %s: %s", to, form.Name, a.Status)
			}
			for _, raw := range []string{"<script>alert", "<img src=x", "\u202eدرست"} {
				if strings.Contains(string(a.raw), raw) {
					t.Errorf("%s of %s shows %q as it is", to, form.Name, raw)
				}
			}
		}
	}
}

// tryWrite makes a record with whatever values, as a device would that checks nothing; false
// where the server sets it aside.
func (k *kit) tryWrite(f *schemas.Form, place uint32, values map[string]schemas.Value) (syncproto.RecordID, bool) {
	k.Helper()
	k.ms += 1000
	id := syncproto.RecordID{0xee, byte(f.ID)}
	after := schemas.Record{Form: f.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	k.must(put(f, &after, values))
	got, err := k.Hub.Office(k.Context(), syncproto.PersonID{9}, id, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		edit := merge.Edit{Form: f, Opened: s, Before: schemas.Record{Form: f.ID}, After: after, Author: syncproto.PersonID{9}}
		return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: uint32(f.ID), Scope: syncproto.ScopeOf(k.placeID(place), string(f.Compartment)), Ops: edit.Ops()}, nil
	})
	k.must(err)
	return id, got.Outcome == syncproto.Applied || got.Outcome == syncproto.Merged
}
