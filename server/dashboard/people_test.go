package dashboard

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// staff adds a person with a role.
func (k *kit) staff(name string, role access.Role, place string) string {
	k.Helper()
	made, _, err := k.server.Admin().AddWith(k.Context(), name, string(role), place)
	k.must(err)
	return made.ID.String()
}

// TestWhoMayLookAfterPeople: everybody else finds no page, whatever they ask there.
func TestWhoMayLookAfterPeople(t *testing.T) {
	k := newKit(t)
	worker := k.staff("مریم", access.Facilitator, "102")
	for role, place := range map[access.Role]string{"": "", access.LocalTeam: "102", access.Steering: "102", access.Clinic: "102", access.Facilitator: "102",
		access.TechnicalManager: "101", access.National: "1"} {
		b := k.as(role, place)
		for _, to := range []string{"/people", "/devices", "/person/" + worker} {
			if got := b.status(to); got != http.StatusNotFound {
				t.Errorf("%s gets %s: %d", role, to, got)
			}
		}
		for _, to := range []string{"/people", "/person/" + worker + "/grant", "/person/" + worker + "/invite", "/person/" + worker + "/disable", "/person/" + worker + "/enrol"} {
			if got := b.post(to, "name", "کسی", "role", "local_team", "place", "102", "reason", "–", "days", "7", "addresses", "a:1").StatusCode; got != http.StatusNotFound {
				t.Errorf("%s posts %s: %d", role, to, got)
			}
		}
		k.hides(b.get("/account"), `href="/people"`)
	}
}

// TestPeople walks from somebody new to a device that is lost, in the county's eyes.
func TestPeople(t *testing.T) {
	k := newKit(t)
	other := k.staff("کسی دیگر", access.Facilitator, "105")
	above := k.staff("دبیر", access.Province, "11")
	b := k.as(access.County, "101")
	k.hides(b.get("/people"), "کسی دیگر", "دبیر", "county at 101")

	a := b.post("/people", "name", "زهرا کریمی", "role", "facilitator", "place", "رشت")
	k.shows(a.body, "cannot be played at", `value="زهرا کریمی"`)
	a = b.post("/people", "name", "زهرا کریمی", "role", "facilitator", "place", "پرده‌سر")
	if k.shows(a.body, "Among your places there is none"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("another county's place: %s", a.Status)
	}
	a = b.post("/people", "name", "زهرا کریمی", "role", "county", "place", "101")
	if k.shows(a.body, "not yours to give"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a role like one's own: %s", a.Status)
	}
	a = b.post("/people", "name", "زهرا کریمی", "role", "facilitator", "place", "پیرسرا")
	page := a.Header.Get("Location")
	if !strings.HasPrefix(page, "/person/") {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	k.shows(b.get(page), "The person is added", "facilitator", "There is no device")
	k.shows(b.get("/people"), "زهرا کریمی", "facilitator", "پیرسرا")

	a = b.post(page+"/grant", "role", "clinic", "place", "103")
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("a second role: %s\n%s", a.Status, a.body)
	}
	a = b.post(page+"/revoke", "role", "clinic", "place", "103", "reason", "پایان قرارداد")
	if k.hides(b.get(page), "clinic, "); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the end of a role: %s\n%s", a.Status, a.body)
	}

	a = b.post(page + "/invite")
	link := regexp.MustCompile(`http://office\.example/invite#([\w-]+)`).FindStringSubmatch(a.body)
	if link == nil {
		t.Fatalf("no link: %s\n%s", a.Status, a.body)
	}
	theirs := k.stranger()
	if a := theirs.post("/invite", "secret", link[1], "password", password, "again", password); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("the invitation: %s\n%s", a.Status, a.body)
	}
	k.shows(theirs.get("/"), "پیرسرا")

	for _, bad := range [][]string{{"days", "0"}, {"days", "91"}, {"days", "x"}, {"addresses", "نشانی"}, {"addresses", ""}} {
		form := map[string]string{"place": "102", "days": "7", "addresses": "sync.example:8833"}
		form[bad[0]] = bad[1]
		if a := b.post(page+"/enrol", "place", form["place"], "days", form["days"], "addresses", form["addresses"]); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%q: %s", bad, a.Status)
		}
	}
	a = b.post(page+"/enrol", "place", "۱۰۲", "days", "۷", "addresses", "sync.example:8833")
	if k.shows(a.body, "ثبت دستگاه برای", "Enrolment of a device for", "sync.example:8833", `class="qr"`); a.StatusCode != http.StatusOK {
		t.Fatalf("the sheet: %s", a.Status)
	}
	var typed string
	for _, part := range regexp.MustCompile(`<span>([0-9A-Z-]+)</span>`).FindAllStringSubmatch(a.body, -1) {
		typed += part[1]
	}
	if _, err := syncproto.ParseEnrolCode(typed); err != nil {
		t.Errorf("the code %q: %v", typed, err)
	}
	if a := b.post(page+"/enrol", "place", "103", "days", "7", "addresses", "sync.example:8833"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a code for a place without a role: %s", a.Status)
	}

	device := k.device(strings.TrimPrefix(page, "/person/"))
	k.shows(b.get("/devices"), "گوشی", "زهرا کریمی", "3 h", "not all sent")
	k.shows(b.get("/device/"+device), "4", "destroys what it holds")
	if a := b.post("/device/"+device+"/revoke", "lost", "1", "reason", "در تاکسی"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("a lost device: %s\n%s", a.Status, a.body)
	}
	k.shows(b.get("/device/"+device), "lost")
	k.hides(b.get("/device/"+device), "Take out of use")

	if a := b.post(page+"/disable", "reason", "رفت"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("disable: %s\n%s", a.Status, a.body)
	}
	if a := theirs.ask(http.MethodGet, "/", nil); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("somebody disabled still sees: %s", a.Status)
	}
	for _, x := range []string{other, above, "00000000-0000-0000-0000-000000000000", "دبیر", strings.TrimPrefix(page, "/person/")[:8]} {
		if got := b.status("/person/" + urlEscaper.Replace(x)); got != http.StatusNotFound {
			t.Errorf("/person/%s: %d", x, got)
		}
		if a := b.post("/person/"+urlEscaper.Replace(x)+"/invite", "reason", "–"); a.StatusCode != http.StatusNotFound {
			t.Errorf("an invitation of %s: %s", x, a.Status)
		}
	}
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		acts, err := r.Audits(syncproto.ScopeID{})
		me := k.personOf(r, "county at 101")
		var did []string
		for _, e := range acts {
			if e.By == me {
				did = append(did, e.Act)
			}
		}
		if got, want := strings.Join(did, ", "), "password set, person added, granted, granted, grant revoked, invited, code made, device lost, person disabled"; got != want {
			t.Errorf("the audit has of the county: %s\nwant %s", got, want)
		}
		return err
	}))
}

// device is one that the person enrolled, with four unsent changes, three hours ago.
func (k *kit) device(person string) string {
	k.Helper()
	who, err := syncproto.ParseID(person)
	k.must(err)
	d := store.Device{ID: syncproto.DeviceID{7, 7, 7}, Person: syncproto.PersonID(who), Key: [32]byte{7}, Noise: [32]byte{7}, Name: "گوشی",
		Enrolled: k.ms, LastSeen: k.ms - 3*3600*1000, Queue: 4, OldestQueued: k.ms - 4*3600*1000, App: "mahalleh-field 1.2"}
	k.must(k.store.Update(k.Context(), func(tx store.Tx) error {
		if err := tx.PutDevice(d); err != nil {
			return err
		}
		return tx.AddDevicePerson(d.ID, d.Person)
	}))
	return d.ID.String()
}

// TestNamesAreText: what people are called is never markup, in either language.
func TestNamesAreText(t *testing.T) {
	k := newKit(t)
	const name = `<b onclick=x>"'&` + "\u202e" + `=1+1`
	id := k.staff(name, access.Facilitator, "102")
	b := k.as(access.Province, "11")
	for _, to := range []string{"/people", "/person/" + id, "/people?q=" + urlEscaper.Replace(`<b`)} {
		page := b.get(to)
		k.hides(page, "<b onclick", "\u202e")
		k.shows(page, "&lt;b onclick")
	}
	if a := b.post("/people", "name", strings.Repeat("ن", 101), "role", "clinic", "place", "102"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a long name: %s", a.Status)
	}
	if a := b.post("/people", "name", "  ", "role", "clinic", "place", "102"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("no name: %s", a.Status)
	}
	if a := b.post("/people", "name", "کسی", "role", "king", "place", "102"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a role that is none: %s", a.Status)
	}
}
