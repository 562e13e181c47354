package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/wsdial"
	"mahalleh/schemas/forms"
	"mahalleh/server"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// What people wrote, and what opens their things: none of it may stand in a log.
const (
	markName   = "نشانگرنام"
	markOther  = "نشانگردوم"
	markText   = "نشانگرمتن"
	markPhone  = "09120004321"
	markDevice = "نشانگرگوشی"
	markPass   = "نشانگررمز"
	markReason = "نشانگردلیل"
)

// buffer is a log that several write to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type realClock struct{ began time.Time }

func (realClock) Now() time.Time          { return time.Now() }
func (c realClock) Uptime() time.Duration { return time.Since(c.began) }

// workday is a running server and the people of a day.
type workday struct {
	t       *testing.T
	d       *desk
	address string
	log     *buffer
	secrets []string
}

// do asks for an act, and returns its results.
func (y *workday) do(name string, request any) []json.RawMessage {
	y.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		y.t.Fatal(err)
	}
	var items []json.RawMessage
	err = acts()[name](y.t.Context(), y.d, body, tell{progress: quiet.progress, item: func(v any) error {
		raw, err := marshal(v)
		items = append(items, raw)
		return err
	}})
	if err != nil {
		y.d.log.Debug("an act was refused", "act", name, "err", told(err).Key)
	}
	return items
}

func (y *workday) field(raw json.RawMessage, name string) string {
	y.t.Helper()
	v, err := jsonField(string(raw), name)
	if err != nil {
		y.t.Fatal(err)
	}
	return v
}

// phone enrols a device of a person, with a log of its own.
func (y *workday) phone(person, dir string) *clientsdk.Client {
	y.t.Helper()
	code, err := y.d.server.Admin().MakeCode(y.t.Context(), person, "101", time.Hour)
	if err != nil {
		y.t.Fatal(err)
	}
	y.secrets = append(y.secrets, code.Code.String())
	opt := clientsdk.Options{Clock: realClock{time.Now()}, Rand: rand.Reader, App: "test", Device: markDevice, TestMode: true,
		Log: slog.New(slog.NewTextHandler(y.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Addresses: []string{y.address},
		Dial: func(ctx context.Context, _ []string) (clientsdk.Pipe, error) {
			return (&wsdial.Dialer{Addresses: []string{y.address}}).Dial(ctx)
		}}
	c, err := clientsdk.Enrol(y.t.Context(), dir, code.Code.String(), clientsdk.Credentials{Passphrase: markPass}, opt)
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { c.Close() })
	return c
}

func (y *workday) save(c *clientsdk.Client, form string, values map[string]any) syncproto.RecordID {
	y.t.Helper()
	d, err := c.New(y.t.Context(), form)
	if err == nil {
		var b []byte
		if b, err = json.Marshal(values); err == nil {
			err = d.SetJSON(b)
		}
	}
	if err != nil {
		y.t.Fatal(err)
	}
	res, err := d.Save(y.t.Context())
	if err != nil || !res.Saved {
		y.t.Fatalf("%s: %+v (%v)", form, res, err)
	}
	return res.Record
}

func (y *workday) edit(c *clientsdk.Client, id syncproto.RecordID, values map[string]any) {
	y.t.Helper()
	d, err := c.Edit(y.t.Context(), id)
	if err == nil {
		var b []byte
		if b, err = json.Marshal(values); err == nil {
			err = d.SetJSON(b)
		}
	}
	if err == nil {
		_, err = d.Save(y.t.Context())
	}
	if err != nil {
		y.t.Fatal(err)
	}
}

// TestLogsNameNobody runs a day: people are added, phones record persons and
// conflicts and sync, a phone is lost, a record is erased, data are exported,
// backed up and damaged, strangers knock. Whatever the log says of it, it says
// by ids.
func TestLogsNameNobody(t *testing.T) {
	log := &buffer{}
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{folder: f, clock: func() int64 { return time.Now().UnixMilli() }, log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if d.store, err = sqlitestore.Open(t.Context(), sqlitestore.Options{Path: f.database()}); err != nil {
		t.Fatal(err)
	}
	if d.journal.Erasures, err = sqlitestore.OpenErasures(f.erasures()); err != nil {
		t.Fatal(err)
	}
	packages, err := forms.Load()
	if err != nil {
		t.Fatal(err)
	}
	d.server, err = server.Open(t.Context(), server.Options{Store: d.store, Packages: packages, Erasures: d.journal, Clock: d.clock, Rand: rand.Reader, Log: d.log, Alarms: d.alarms})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.setUp(t.Context(), time.Now, l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{d: d, pages: http.NotFoundHandler(), version: "x", setup: s, since: time.Now(), now: time.Now}
	web := newWeb(o.handler(), d.log)
	go web.Serve(l)
	y := &workday{t: t, d: d, address: l.Addr().String(), log: log, secrets: []string{s.secret}}

	// The first administrator, after a wrong attempt; places and people.
	for _, q := range []first{{Secret: "x", Name: markName, Role: "national"}, {Secret: s.secret, Name: markName + " مدیر", Role: "province", Province: "11"}} {
		res, err := http.Post("http://"+y.address+"/setup/make", "application/json", strings.NewReader(body(t, q)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	y.do("place.add", placeAdd{Kind: "neighbourhood", In: "11", NameFa: "پیرسرا"})
	one := y.field(y.do("person.add", personAdd{Name: markName + " یکم"})[0], "id")
	two := y.field(y.do("person.add", personAdd{Name: markOther})[0], "id")
	for _, who := range []string{one, two} {
		y.do("grant.add", grantAct{Person: who, Role: "facilitator", Place: "101"})
	}
	y.do("grant.add", grantAct{Person: markName + " ناشناس", Role: "facilitator", Place: "101"})

	// Two phones: persons, an asset that both edit, something wrong.
	a, b := y.phone(one, filepath.Join(t.TempDir(), "a")), y.phone(two, filepath.Join(t.TempDir(), "b"))
	ctx := t.Context()
	asset := y.save(a, "asset", map[string]any{"category": "physical", "subtype": "hall", "title_fa": markText})
	for _, c := range []*clientsdk.Client{a, b} {
		if _, err := c.Sync(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	y.edit(a, asset, map[string]any{"title_fa": markText + " الف"})
	y.edit(b, asset, map[string]any{"title_fa": markText + " ب"})
	for _, c := range []*clientsdk.Client{a, b, a} {
		if _, err := c.Sync(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	y.do("conflicts", map[string]any{"scope": "", "form": ""})
	for _, who := range []string{one, two} {
		y.do("person.disable", personDisable{Person: who, Why: markReason})
	}
	y.edit(a, asset, map[string]any{"title_fa": markText + " " + markPhone})
	a.Sync(ctx, nil) // what a disabled person wrote is set aside
	y.do("quarantine.list", map[string]any{})
	y.do("person.disable", personDisable{Person: one, Undo: true, Why: markReason})

	// A lost phone, an erasure, an export, a backup that fails and one that does not.
	for _, item := range y.do("device.list", nothing{}) {
		if y.field(item, "person") == two {
			y.do("device.revoke", deviceRevoke{Device: y.field(item, "id"), Lost: true, Why: markReason})
		}
	}
	b.Sync(ctx, nil)
	y.do("erase", erase{Record: asset.String(), Why: markReason})
	y.do("export", exportQuery{History: true})
	y.do("backup", backup{Dir: filepath.Join(t.TempDir(), markText, "backup")})
	d.free = func(string) int64 { return 1 }
	y.do("backup", backup{Dir: filepath.Join(t.TempDir(), "backup")})
	d.free = nil
	y.do("audit.list", auditList{})
	y.do("audit.verify", auditVerify{})
	err = d.store.Update(ctx, func(tx store.Tx) error { return tx.PutMeta("x", []byte(markText)) })
	if err != nil {
		t.Fatal(err)
	}
	y.do("fsck", nothing{})

	// Strangers.
	for _, path := range []string{"/sync?" + markPhone, "/" + markPhone, "/metrics", "/healthz", "/readyz"} {
		res, err := http.Get("http://" + y.address + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if err := web.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	said := log.String()
	if strings.Count(said, "\n") < 15 {
		t.Errorf("the log has next to nothing in it:\n%s", said)
	}
	for _, mark := range append(y.secrets, "نشانگر", markPhone, markPass) {
		for line := range strings.Lines(said) {
			if strings.Contains(line, mark) {
				t.Errorf("the log holds %q: %s", mark, line)
			}
		}
	}
}
