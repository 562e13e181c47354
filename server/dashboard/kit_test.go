package dashboard

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/texts"
	"mahalleh/server"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

const (
	password = "باران روی بام"
	host     = "office.example"
)

// kit is a server with a county 101, its neighbourhoods 102 and 103, another
// county's 105, and the committee's pages over it.
type kit struct {
	*testing.T
	*App
	server *server.Server
	report *report.Report
	ms     int64
	h      http.Handler
}

type noErasures struct{}

func (noErasures) Add(hub.Erasure) error       { return nil }
func (noErasures) All() ([]hub.Erasure, error) { return nil, nil }

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{T: t, ms: time.Date(2026, 2, 16, 8, 0, 0, 0, time.UTC).UnixMilli()}
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "s.db")})
	k.must(err)
	t.Cleanup(func() { k.must(st.Close()) })
	pkg, err := forms.Load()
	k.must(err)
	begun := k.ms
	k.server, err = server.Open(t.Context(), server.Options{Store: st, Packages: pkg, Erasures: noErasures{}, Clock: func() int64 { return k.ms },
		Uptime: func() int64 { return k.ms - begun }, Rand: rand.NewChaCha8([32]byte{3})})
	k.must(err)
	t.Cleanup(func() { k.must(k.server.Close()) })
	k.report, err = report.Open(t.Context(), report.Options{Path: filepath.Join(t.TempDir(), "report.db"), View: st.View, Forms: pkg})
	k.must(err)
	t.Cleanup(func() { k.must(k.report.Close()) })
	k.must(k.report.Rebuild(t.Context(), nil))
	k.App, err = New(Options{Hub: k.server.Hub(), Admin: k.server.Admin(), Signer: access.NewSigner(k.server.Admin(), k.server.Hub().Now), Report: k.report, Keys: k.server.Identity().Keys(),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	k.must(err)
	t.Cleanup(k.Close)
	k.h = k.Handler()
	k.place("رشت", store.PlaceCounty, "گیلان")
	k.place("پیرسرا", store.PlaceNeighbourhood, "101")
	k.place("سرچشمه", store.PlaceNeighbourhood, "101")
	k.place("لاهیجان", store.PlaceCounty, "گیلان")
	k.place("پرده‌سر", store.PlaceNeighbourhood, "104")
	return k
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *kit) place(name string, kind store.PlaceKind, in string) {
	k.Helper()
	_, err := k.server.Admin().AddPlace(k.Context(), access.NewPlace{Kind: kind, Parent: in, NameFa: name})
	k.must(err)
}

func (k *kit) placeID(number uint32) (id syncproto.PlaceID) {
	k.Helper()
	k.must(k.store.View(k.Context(), func(r store.Reader) error {
		p, err := r.PlaceByNumber(number)
		id = p.ID
		return err
	}))
	return id
}

// write makes a record of a form at a place, as the office writes.
func (k *kit) write(form string, place uint32, values map[string]schemas.Value) syncproto.RecordID {
	k.Helper()
	var id syncproto.RecordID
	copy(id[:], fmt.Sprintf("%-16s", fmt.Sprintf("%s%d", form[:min(6, len(form))], k.ms)))
	k.ms += 1000
	f, ok := k.forms.FormByName(form)
	if !ok {
		k.Fatalf("no form %s", form)
	}
	after := schemas.Record{Form: f.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	for name, v := range values {
		field, ok := f.FieldByName(name)
		if !ok {
			k.Fatalf("no field %s.%s", form, name)
		}
		after.Fields[field.ID] = v
	}
	author := syncproto.PersonID{9}
	got, err := k.Hub.Office(k.Context(), author, id, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		edit := merge.Edit{Form: f, Opened: s, Before: schemas.Record{Form: f.ID}, After: after, Author: author}
		return hub.OfficeEdit{Verb: syncproto.VerbCreate, Form: uint32(f.ID), Scope: syncproto.ScopeOf(k.placeID(place), string(f.Compartment)), Ops: edit.Ops()}, nil
	})
	k.must(err)
	if got.Outcome != syncproto.Applied && got.Outcome != syncproto.Merged {
		k.Fatalf("%s was %s (reason %d)", form, got.Outcome, got.Reason)
	}
	return id
}

// moment is the kit's time.
func (k *kit) moment() time.Time { return time.UnixMilli(k.ms) }

// catchUp has the report take in what was written, and pages hear of it.
func (k *kit) catchUp() {
	k.Helper()
	_, err := k.report.CatchUp(k.Context())
	k.must(err)
	k.Forget()
	k.events.tell()
}

// reader is a browser in which somebody is signed in, or nobody.
type reader struct {
	*kit
	cookies map[string]string
	factor  string
}

func (k *kit) stranger() *reader {
	return &reader{kit: k, cookies: map[string]string{langCookie: string(texts.English)}}
}

// as is a browser of somebody who plays a role at a place, with all that the role
// asks for.
func (k *kit) as(role access.Role, place string) *reader {
	k.Helper()
	b := k.stranger()
	name := fmt.Sprintf("%s at %s", role, place)
	_, err := k.server.Admin().AddPerson(k.Context(), name)
	k.must(err)
	if role != "" {
		_, _, err = k.server.Admin().Grant(k.Context(), name, string(role), place)
		k.must(err)
	}
	secret, _, err := k.Signer.Invite(k.Context(), name)
	k.must(err)
	if a := b.post("/invite", "secret", secret, "password", password, "again", password); a.StatusCode != http.StatusSeeOther {
		k.Fatalf("%s cannot choose a password: %s\n%s", name, a.Status, a.body)
	}
	if role == access.Province || role == access.National {
		b.setFactor()
	}
	return b
}

func (b *reader) setFactor() {
	b.Helper()
	page := b.get("/second")
	_, rest, _ := strings.Cut(page, `name="secret" value="`)
	b.factor, _, _ = strings.Cut(rest, `"`)
	if a := b.post("/second", "secret", b.factor, "code", b.code()); a.StatusCode != http.StatusSeeOther {
		b.Fatalf("the second factor: %s\n%s", a.Status, a.body)
	}
}

// code is what an authenticator shows, reckoned apart from the program.
func (b *reader) code() string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(b.factor)
	b.must(err)
	m := hmac.New(sha1.New, key)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(b.ms/30_000)))
	sum := m.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

type answer struct {
	*http.Response
	body string
	raw  []byte
}

func (b *reader) ask(method, to string, form url.Values, change ...func(*http.Request)) answer {
	b.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, "http://"+host+to, body)
	r.RemoteAddr = "192.0.2.7:5000"
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if method == http.MethodPost {
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{res, texts.DropDirectionControls(w.Body.String()), w.Body.Bytes()}
}

// get asks for a page and wants it.
func (b *reader) get(to string) string {
	b.Helper()
	a := b.ask(http.MethodGet, to, nil)
	if a.StatusCode != http.StatusOK {
		b.Fatalf("GET %s: %s %s\n%s", to, a.Status, a.Header.Get("Location"), a.body)
	}
	return a.body
}

func (b *reader) post(to string, fields ...string) answer {
	b.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.ask(http.MethodPost, to, form)
}

func (b *reader) status(to string) int {
	b.Helper()
	return b.ask(http.MethodGet, to, nil).StatusCode
}

func (k *kit) shows(page string, want ...string) {
	k.Helper()
	for _, text := range want {
		if !strings.Contains(page, text) {
			k.Errorf("the page does not show %q:\n%s", text, page)
		}
	}
}

func (k *kit) hides(page string, not ...string) {
	k.Helper()
	for _, text := range not {
		if strings.Contains(page, text) {
			k.Errorf("the page shows %q:\n%s", text, page)
		}
	}
}

// urlEscaper escapes what the tests put into addresses.
var urlEscaper = *strings.NewReplacer(" ", "%20", "'", "%27")

func htmlEscape(s string) string { return template.HTMLEscapeString(texts.DropDirectionControls(s)) }

func (k *kit) personOf(r store.Reader, name string) syncproto.PersonID {
	k.Helper()
	p, err := access.FindPerson(r, name)
	k.must(err)
	return p.ID
}

func (k *kit) editing(f *schemas.Form, author syncproto.PersonID, change func(*schemas.Record)) func(*syncproto.RecordState, func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
	return func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		before := merge.Content(f, s)
		after := before.Clone()
		change(&after)
		edit := merge.Edit{Form: f, Opened: s, Before: before, After: after, Author: author}
		return hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(f.ID), Ops: edit.Ops()}, nil
	}
}
