package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/cmd/internal/recount"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/dashboard"
	"mahalleh/server/report"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// pages is the command `pages` of test scripts: it opens the committee's pages over
// the script's data, signs in as each role that sees figures, and holds every number of every figure's page, and of the files taken from
// it, against a recount of what the program exports.
func pages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: pages")
	}
	world := recount.Exported(ts)
	ts.Check(inField(ts.MkAbs("data"), func(f *field) error {
		zone, err := jalali.LoadTehran()
		if err != nil {
			return err
		}
		f.now, _ = f.server.Hub().Now() // it never goes back
		o := &officePages{field: f, world: world, today: int64(zone.Day(time.UnixMilli(f.now))), ts: ts}
		return o.hold(ts.MkAbs("."))
	}))
}

// officePages are the committee's pages over some data.
type officePages struct {
	*field
	ts     *testscript.TestScript
	world  *recount.World
	today  int64
	report *report.Report
	signer *access.Signer
	web    http.Handler
	held   int // numbers that were held against the recount
	wrong  []string
}

func (o *officePages) hold(dir string) (err error) {
	o.report, err = report.Open(o.ctx, report.Options{Path: filepath.Join(dir, "pages.db"), View: o.store.View, Forms: o.forms})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.report.Close()) }()
	if err := o.report.Rebuild(o.ctx, nil); err != nil {
		return err
	}
	o.signer = access.NewSigner(o.server.Admin(), o.server.Hub().Now)
	app, err := dashboard.New(dashboard.Options{Hub: o.server.Hub(), Admin: o.server.Admin(), Signer: o.signer, Report: o.report})
	if err != nil {
		return err
	}
	defer app.Close()
	o.web = app.Handler()
	hood, county, err := o.places()
	if err != nil {
		return err
	}
	for _, x := range []struct {
		role access.Role
		at   uint32
	}{{access.LocalTeam, hood}, {access.Clinic, hood}, {access.Steering, hood}, {access.Facilitator, hood}, {access.TechnicalManager, hood}, {access.County, county}, {access.Province, 11}, {access.National, 1}} {
		cookies, err := o.signIn(x.role, x.at)
		if err != nil {
			return fmt.Errorf("%s at %d: %w", x.role, x.at, err)
		}
		before := o.held
		if err := o.figures(cookies, x.role, x.at); err != nil {
			return fmt.Errorf("%s at %d: %w", x.role, x.at, err)
		}
		if o.held == before {
			o.wrong = append(o.wrong, fmt.Sprintf("%s saw no number", x.role))
		}
	}
	if len(o.wrong) > 0 {
		return fmt.Errorf("%d of %d numbers differ:\n%s", len(o.wrong), o.held, strings.Join(o.wrong[:min(len(o.wrong), 40)], "\n"))
	}
	o.ts.Logf("%d numbers on pages and in files, all the same", o.held)
	return nil
}

// places are a neighbourhood with records and its county.
func (o *officePages) places() (hood, county uint32, err error) {
	hood = uint32(o.world.Neighbourhoods()[0])
	err = o.store.View(o.ctx, func(r store.Reader) error {
		p, err := r.PlaceByNumber(hood)
		if err != nil {
			return err
		}
		all, err := r.Places()
		for _, up := range all {
			if up.ID == p.Parent {
				county = up.Number
			}
		}
		return err
	})
	return hood, county, err
}

// signIn makes a person of that role and signs them in.
func (o *officePages) signIn(role access.Role, at uint32) (map[string]string, error) {
	name, cookies := fmt.Sprintf("صفحه‌بین %s", role), map[string]string{"mahalleh-lang": "en"}
	admin := o.server.Admin()
	if _, err := admin.AddPerson(o.ctx, name); err != nil {
		return nil, err
	}
	if _, _, err := admin.Grant(o.ctx, name, string(role), fmt.Sprint(at)); err != nil {
		return nil, err
	}
	secret, _, err := o.signer.Invite(o.ctx, name)
	if err != nil {
		return nil, err
	}
	const password = "باران روی بام"
	if got := o.ask(cookies, "/invite", url.Values{"secret": {secret}, "password": {password}, "again": {password}}); got.Code != http.StatusSeeOther {
		return nil, fmt.Errorf("choosing a password: %d", got.Code)
	}
	if role != access.Province && role != access.National {
		return cookies, nil
	}
	_, rest, _ := strings.Cut(o.ask(cookies, "/second", nil).Body.String(), `name="secret" value="`)
	factor, _, _ := strings.Cut(rest, `"`)
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(factor)
	if err != nil {
		return nil, err
	}
	m := hmac.New(sha1.New, key)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(o.now/30_000)))
	sum := m.Sum(nil)
	code := (binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff) % 1_000_000
	if got := o.ask(cookies, "/second", url.Values{"secret": {factor}, "code": {fmt.Sprintf("%06d", code)}}); got.Code != http.StatusSeeOther {
		return nil, fmt.Errorf("the second factor: %d", got.Code)
	}
	return cookies, nil
}

// ask asks for a page, or sends a form.
func (o *officePages) ask(cookies map[string]string, to string, form url.Values) *httptest.ResponseRecorder {
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(o.ctx, method, "http://office.example"+to, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Origin", "http://office.example")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	o.web.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		cookies[c.Name] = c.Value
	}
	return w
}

var (
	shownValue = regexp.MustCompile(`<dt>([^<]*)</dt><dd><bdi>([^<]*)</bdi></dd>`)
	shownRow   = regexp.MustCompile(`(?s)<tr><th scope="row">(.*?)</tr>`)
	shownCell  = regexp.MustCompile(`<td><bdi>([^<]*)</bdi></td>`)
)

// figures holds every figure's page of a place. What the rows and columns are about
// comes from the report, the numbers from the page.
func (o *officePages) figures(cookies map[string]string, role access.Role, at uint32) error {
	about, err := o.about(at)
	if err != nil {
		return err
	}
	sheet := o.world.Figures(recount.Query{Scope: int64(at), Today: o.today, Now: o.now})
	for _, f := range about.Figures {
		got := o.ask(cookies, fmt.Sprintf("/figure/%s?place=%d", f.ID, at), nil)
		if got.Code != http.StatusOK {
			return fmt.Errorf("%s: %d", f.ID, got.Code)
		}
		page := texts.DropDirectionControls(got.Body.String())
		shown := map[string]string{}
		for _, m := range shownValue.FindAllStringSubmatch(page, -1) {
			shown[html.UnescapeString(m[1])] = html.UnescapeString(m[2])
		}
		for _, v := range f.Values {
			o.same(role, f.ID+"."+v.Name, v, shown[v.Title.En], sheet)
		}
		for _, t := range f.Tables {
			o.table(cookies, role, at, f.ID, &t, page, sheet)
		}
	}
	return nil
}

// about are the figures of a place as the report has them: for names alone.
func (o *officePages) about(at uint32) (indicators.Figures, error) {
	var places []syncproto.PlaceID
	settings := indicators.ShippedValues()
	err := o.store.View(o.ctx, func(r store.Reader) error {
		top, err := r.PlaceByNumber(at)
		if err != nil {
			return err
		}
		if settings, err = report.SettingsAt(r, o.forms, top); err != nil {
			return err
		}
		all, err := r.Places()
		in := map[syncproto.PlaceID]bool{top.ID: true}
		for range 8 {
			for _, p := range all {
				in[p.ID] = in[p.ID] || in[p.Parent]
			}
		}
		places = places[:0]
		for _, p := range all {
			if in[p.ID] {
				places = append(places, p.ID)
			}
		}
		return err
	})
	if err != nil {
		return indicators.Figures{}, err
	}
	return o.report.Figures(o.ctx, indicators.Moment{Today: jalali.Day(o.today), Now: o.now}, places, &settings)
}

// table holds a figure's table, on the page and as the file that is taken from it.
func (o *officePages) table(cookies map[string]string, role access.Role, at uint32, figure string, t *indicators.Table, page string, sheet recount.Sheet) {
	_, rest, there := strings.Cut(page, "<h2>"+html.EscapeString(t.Title.En)+"</h2>")
	taken := o.ask(cookies, "/take/figure", url.Values{"figure": {figure}, "table": {t.Name}, "place": {fmt.Sprint(at)}, "as": {"csv"}})
	if !there || len(t.Rows) == 0 {
		if role != access.National && len(t.Rows) > 0 {
			o.wrong = append(o.wrong, fmt.Sprintf("%s: %s has no table %s", role, figure, t.Name))
		}
		if taken.Code != http.StatusNotFound {
			o.wrong = append(o.wrong, fmt.Sprintf("%s took %s of %s, which the page does not show: %d", role, t.Name, figure, taken.Code))
		}
		return
	}
	body, _, _ := strings.Cut(rest, "</table>")
	rows := shownRow.FindAllStringSubmatch(body, -1)
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(taken.Body.String(), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != len(t.Rows) || len(lines) != len(t.Rows)+1 {
		o.wrong = append(o.wrong, fmt.Sprintf("%s: %s.%s has %d rows on the page and %d in the file, of %d: %v", role, figure, t.Name, len(rows), len(lines)-1, len(t.Rows), err))
		return
	}
	for i, r := range t.Rows {
		cells := shownCell.FindAllStringSubmatch(rows[i][1], -1)
		line, next := lines[i+1], 2
		for n, c := range r.Cells {
			key := rowKey(figure, t.Name, &r) + "|" + c.Name
			o.same(role, key, c, html.UnescapeString(cells[n][1]), sheet)
			// A code stands before its label, a day after its other writing.
			filed := line[next]
			next++
			switch c.Kind {
			case indicators.KindCode:
				next++
			case indicators.KindDate:
				if c.State == indicators.Shown {
					filed = line[next]
				}
				next++
			}
			if c.Kind == indicators.KindColour {
				o.same(role, key, c, filed, sheet)
				continue
			}
			o.filed(role, key, c, filed, sheet)
		}
	}
}

// rowKey names a row as the recount does.
func rowKey(figure, table string, r *indicators.Row) string {
	long := func(id indicators.ID) string { return hex.EncodeToString(id[:]) }
	name := []string{figure + "." + table}
	switch none := (indicators.ID{}); {
	case r.Record != none:
		name = append(name, long(r.Record))
		if r.Place != none && table == "device_list" {
			name = append(name, long(r.Place))
		}
	case r.Place != none:
		name = append(name, long(r.Place))
	case r.Name != "":
		name = append(name, r.Name)
	}
	if r.Code != "" {
		name = append(name, r.Code)
	}
	for _, v := range r.Cells {
		if v.Name == "month" || v.Name == "instrument" {
			name = append(name, v.String())
		}
	}
	return strings.Join(name, "|")
}

// same holds a text of a page against the recount's number.
func (o *officePages) same(role access.Role, key string, v indicators.Value, shown string, sheet recount.Sheet) {
	plain := shown
	switch v.Kind {
	case indicators.KindText:
	case indicators.KindMonth:
		plain = strings.ReplaceAll(plain, "/", "-")
	case indicators.KindDate:
		if d, err := jalali.Parse(plain); err == nil {
			plain = d.EpochDay().ISO()
		}
	case indicators.KindCode:
		if list, ok := o.forms.List(v.List); ok {
			for _, item := range list.Items {
				if item.Label.En == shown {
					plain = item.Code
				}
			}
		}
	case indicators.KindColour:
		if plain == "no data" {
			plain = "blank"
		}
	default:
		plain = strings.TrimSuffix(strings.ReplaceAll(plain, ",", ""), "%")
		plain, _, _ = strings.Cut(plain, " ")
	}
	if plain == "hidden" {
		plain = "*"
	}
	o.filed(role, key, v, plain, sheet)
}

// filed holds what stands in a file.
func (o *officePages) filed(role access.Role, key string, v indicators.Value, got string, sheet recount.Sheet) {
	o.held++
	want, ok := sheet[key]
	_, digits, _ := strings.Cut(got, ".")
	if v.Kind == indicators.KindText {
		digits = ""
	}
	if text := want.Rounded(len(digits)); !ok || text != got {
		o.wrong = append(o.wrong, fmt.Sprintf("%s: %s: the page says %q, the recount %q", role, key, got, text))
	}
}
