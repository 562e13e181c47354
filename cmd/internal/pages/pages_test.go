package pages

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mahalleh/cmd/internal/sample"
	"mahalleh/schemas/forms"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/jalali"
	"mahalleh/server"
	"mahalleh/server/access"
	"mahalleh/server/dashboard"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
)

func TestMain(m *testing.M) { viewtest.Main(m) }

const password = "باران روی بام"

type noErasures struct{}

func (noErasures) Add(hub.Erasure) error       { return nil }
func (noErasures) All() ([]hub.Erasure, error) { return nil, nil }

// office is a province of a few neighbourhoods, some months old, that is served.
type office struct {
	*testing.T
	server *server.Server
	signer *access.Signer
	report *report.Report
	pages  *dashboard.App
	at     string
	// down makes the server end every connection to a page without an answer, cut those
	// of devices.
	down, cut atomic.Bool
	web       *httptest.Server
	now       int64
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t, now: time.Date(2026, 4, 20, 8, 0, 0, 0, time.UTC).UnixMilli()}
	st, err := sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(t.TempDir(), "server.db")})
	o.must(err)
	t.Cleanup(func() { o.must(st.Close()) })
	start, err := jalali.New(1404, 10, 26)
	o.must(err)
	_, err = sample.Make(t.Context(), sample.Options{Store: st, Erasures: noErasures{}, Clock: func() int64 { return o.now }, Province: "01",
		Neighbourhoods: 3, Months: 3, Start: start, Seed: 7, Scale: 0.3})
	o.must(err)
	pkg, err := forms.Load()
	o.must(err)
	o.server, err = server.Open(t.Context(), server.Options{Store: st, Packages: pkg, Erasures: noErasures{}, Clock: func() int64 { return o.now }, Rand: random{}})
	o.must(err)
	t.Cleanup(func() { o.must(o.server.Close()) })
	o.report, err = report.Open(t.Context(), report.Options{Path: filepath.Join(t.TempDir(), "report.db"), View: st.View, Forms: pkg})
	o.must(err)
	t.Cleanup(func() { o.must(o.report.Close()) })
	o.must(o.report.Rebuild(t.Context(), nil))
	o.signer = access.NewSigner(o.server.Admin(), o.server.Hub().Now)
	o.pages, err = dashboard.New(dashboard.Options{Hub: o.server.Hub(), Admin: o.server.Admin(), Signer: o.signer, Report: o.report, Keys: o.server.Identity().Keys(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	o.must(err)
	pages, devices := o.pages.Handler(), o.server.Handler()
	o.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == syncws.Path && !o.cut.Load() {
			devices.ServeHTTP(w, r)
		} else if r.URL.Path != syncws.Path && !o.down.Load() {
			pages.ServeHTTP(w, r)
		} else if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}))
	t.Cleanup(func() { o.pages.Close(); o.web.Close() })
	o.at = o.web.URL
	// As mahalleh serve does: the report follows the hub, and pages hear of it.
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	followed := make(chan struct{})
	o.report.Tell(o.pages.Moved)
	unsubscribe := o.server.Hub().Subscribe(func(hub.Event) { o.report.Moved() })
	go func() { defer close(followed); o.report.Run(ctx) }()
	t.Cleanup(func() { unsubscribe(); stop(); <-followed })
	return o
}

// random is a fixed source: the tests look at pages, not at secrets.
type random struct{}

func (random) Read(b []byte) (int, error) {
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return len(b), nil
}

var seed uint64 = 1

func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// hood is the number of the first neighbourhood.
func (o *office) hood() (number uint32) {
	o.Helper()
	o.must(o.server.Hub().Store().View(o.Context(), func(r store.Reader) error {
		all, err := r.Places()
		for _, p := range all {
			if p.Kind == store.PlaceNeighbourhood && (number == 0 || p.Number < number) {
				number = p.Number
			}
		}
		return err
	}))
	return number
}

// signIn invites somebody who plays a role, who chooses a password in the browser.
func (o *office) signIn(tab *viewtest.Tab, role access.Role, place string, english bool) {
	o.Helper()
	name := fmt.Sprintf("عضو %s %s %t", role, place, english)
	_, err := o.server.Admin().AddPerson(o.Context(), name)
	o.must(err)
	_, _, err = o.server.Admin().Grant(o.Context(), name, string(role), place)
	o.must(err)
	secret, _, err := o.signer.Invite(o.Context(), name)
	o.must(err)
	tab.Go(o.at + "/signin")
	if english {
		tab.Click("English")
		tab.See("Sign in")
	}
	tab.Check("signin")
	tab.Shot("signin")
	tab.Go(o.at + "/invite#" + secret)
	word := map[bool][3]string{false: {"گذرواژه", "گذرواژه، یک بار دیگر", "ذخیره و ورود"}, true: {"Password", "Password, once more", "Save and sign in"}}[english]
	tab.Type(word[0], password)
	tab.Type(word[1], password)
	tab.Check("invite")
	tab.Shot("invite")
	tab.Click(word[2])
	if role == access.Province || role == access.National {
		code, confirm := "کد شش‌رقمی", "تأیید"
		if english {
			code, confirm = "Code of six digits", "Confirm"
		}
		tab.See(code)
		tab.Check("second")
		tab.Shot("second")
		tab.Type(code, o.code(tab.String(`document.querySelector("input[name=secret]").value`)))
		tab.Click(confirm)
	}
	tab.See(map[bool]string{false: "آمار این هفته", true: "Figures of this week"}[english])
}

func (o *office) code(letters string) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(letters)
	o.must(err)
	m := hmac.New(sha1.New, key)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(o.now/30_000)))
	sum := m.Sum(nil)
	at := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// TestPages looks at every page as those who decide do, in both languages, on a
// laptop and on a phone.
func TestPages(t *testing.T) {
	o := newOffice(t)
	hood := o.hood()
	for n := range byte(3) {
		o.setAside(200+n, hood)
		o.rivals(200+n, hood)
	}
	o.doubles(hood)
	o.credit(hood)
	for _, x := range []struct {
		role    access.Role
		place   string
		size    viewtest.Size
		english bool
	}{
		{access.Province, "11", viewtest.Laptop, false},
		{access.Province, "11", viewtest.Laptop, true},
		{access.TechnicalManager, fmt.Sprint(hood), viewtest.Phone, false},
		{access.National, "1", viewtest.Laptop, false},
	} {
		tab := viewtest.Open(t, x.size)
		o.signIn(tab, x.role, x.place, x.english)
		to := []string{"/", "/figure/D01", "/figure/D05", "/figure/D07", "/figure/D09", "/figure/D12", "/figure/D17", "/account"}
		if x.role != access.National {
			to = append(to, "/neighbourhoods", "/map", "/take", "/needs", fmt.Sprintf("/needs?place=%d", hood), fmt.Sprintf("/neighbourhood/%d", hood), fmt.Sprintf("/neighbourhood/%d/asset", hood))
		}
		for _, page := range to {
			tab.Go(o.at + page)
			name := string(x.role) + strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(page)
			tab.Check(name)
			tab.Shot(name)
		}
		if x.role != access.National {
			tab.ClickAt(".list a")
			tab.See(map[bool]string{false: "تاریخچه", true: "History"}[x.english])
			tab.Check(string(x.role) + "-record")
			tab.Shot(string(x.role) + "-record")
			o.lookAtDecisions(tab, string(x.role), x.english)
			o.lookAtTwins(tab, string(x.role), hood, x.english)
		}
		if x.role == access.Province {
			o.lookAtPeople(tab, x.english)
			at := hood
			if x.english {
				at++
			}
			o.committeeDecides(tab, at, x.english)
		}
	}
}

// TestAtWork is a morning in one office.
func TestAtWork(t *testing.T) {
	o := newOffice(t)
	t.Run("a sync goes on while the screen is locked", func(t *testing.T) { o.syncGoesOnWhileLocked(t, o.hood()) })
	tab := viewtest.Open(t, viewtest.Laptop)
	o.signIn(tab, access.Province, "11", true)
	t.Run("the overview moves by itself", func(t *testing.T) { o.overviewMoves(tab) })
	t.Run("the server goes and comes back", func(t *testing.T) { o.goesAndComesBack(tab) })
}

// overviewMoves: a place that is added while the page is open is among the figures,
// and what the reader opened stays open.
func (o *office) overviewMoves(tab *viewtest.Tab) {
	tab.See("Overview")
	tab.Eval(`document.querySelector("#tile-D01 summary").focus(); window.stays = 1`, nil)
	before := tab.String(`document.querySelector("#tiles .stamp").innerText`)
	o.now += 5 * 60 * 1000
	_, err := o.server.Admin().AddPlace(o.Context(), access.NewPlace{Kind: store.PlaceCounty, Parent: "11", NameFa: "شهرستان تازه"})
	o.must(err)
	o.server.Hub().AccessChanged()
	tab.SeeNot(before)
	tab.Eval(`if (window.stays !== 1 || document.activeElement.id !== "define-D01") throw new Error("the reader lost their place: " + document.activeElement.id)`, nil)
}

// goesAndComesBack: a page that is open says that the server is away, and shows what
// changed meanwhile when it is back, by itself.
func (o *office) goesAndComesBack(tab *viewtest.Tab) {
	before := tab.String(`document.querySelector("#tiles .stamp").innerText`)
	o.down.Store(true)
	o.web.CloseClientConnections()
	tab.See("The server does not answer")
	o.now += 5 * 60 * 1000
	o.down.Store(false)
	tab.SeeNot("The server does not answer", before)
	tab.Forgive() // the browser notes every connection that failed
}
