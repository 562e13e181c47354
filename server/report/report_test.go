package report_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/report"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/store/storetest"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// bench is an office with a report that follows its store.
type bench struct {
	*storetest.Office
	t      *testing.T
	dir    string
	store  *sqlitestore.Store
	places []syncproto.PlaceID
	report *report.Report
}

func newBench(t *testing.T) *bench { return newSeeded(t, 1) }

func newSeeded(t *testing.T, seed byte) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	var err error
	if b.store, err = sqlitestore.Open(t.Context(), sqlitestore.Options{Path: filepath.Join(b.dir, "server.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.must(b.store.Close()) })
	b.Office = storetest.NewOffice(t, b.store, seed)
	province := b.Place(1, store.PlaceProvince, syncproto.PlaceID{})
	for n := byte(2); n < 5; n++ {
		b.places = append(b.places, b.Place(n, store.PlaceNeighbourhood, province))
	}
	b.report = b.open("report.db")
	return b
}

func (b *bench) open(name string) *report.Report {
	b.t.Helper()
	r, err := report.Open(b.t.Context(), report.Options{Path: filepath.Join(b.dir, name), View: b.store.View, Forms: b.Forms})
	b.must(err)
	b.t.Cleanup(func() { b.must(r.Close()) })
	return r
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) catchUp() {
	b.t.Helper()
	_, err := b.report.CatchUp(context.WithoutCancel(b.t.Context()))
	b.must(err)
}

// step does something to some record, as the seed says.
func (b *bench) step(rng *rand.Rand, n int) {
	b.t.Helper()
	id := syncproto.RecordID{0x01, 0x98, byte(rng.IntN(12))}
	var row store.Record
	err := b.store.View(b.t.Context(), func(r store.Reader) (err error) { row, err = r.Record(id); return err })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		b.t.Fatal(err)
	}
	there := err == nil
	category := schemas.CodeValue(indicators.AssetCategoryCodes[rng.IntN(indicators.AssetCategories)])
	title := schemas.TextValue(fmt.Sprintf("دارایی %d", n))
	switch pick := rng.IntN(10); {
	case !there && pick < 4:
		b.early(id, title)
	case !there:
		b.Write(id, "asset", b.places[rng.IntN(len(b.places))], map[string]schemas.Value{"category": category, "title_fa": title})
	case row.State.Erased:
	case !merge.Alive(row.State):
		b.Restore(id)
	case pick == 0:
		b.Delete(id)
	case pick == 1:
		b.Erase(id)
	case pick <= 3:
		if to := b.places[rng.IntN(len(b.places))]; syncproto.ScopeOf(to, "plain") != row.State.Home {
			b.Move(id, "asset", to)
		}
	default:
		b.Write(id, "asset", b.places[0], map[string]schemas.Value{"category": category, "title_fa": title,
			"capacity_value": schemas.IntValue(int64(rng.IntN(90) + 1))})
	}
}

// early edits a record that nobody has made yet: the change waits for it.
func (b *bench) early(id syncproto.RecordID, title schemas.Value) {
	b.t.Helper()
	form, _ := b.Forms.FormByName("asset")
	field, _ := form.FieldByName("title_fa")
	got, err := b.Hub.Office(b.t.Context(), b.Author, id, func(s *syncproto.RecordState, _ func(int) syncproto.ItemID) (hub.OfficeEdit, error) {
		after := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{field.ID: title}}
		edit := merge.Edit{Form: form, Opened: s, Before: schemas.Record{Form: form.ID}, After: after, Author: b.Author}
		return hub.OfficeEdit{Verb: syncproto.VerbEdit, Form: uint32(form.ID), Scope: syncproto.ScopeOf(b.places[0], "plain"), Ops: edit.Ops()}, nil
	})
	b.must(err)
	if got.Outcome != syncproto.Parked {
		b.t.Fatalf("an edit of what is not there: %s", got.Outcome)
	}
}

// changes counts the changes of each outcome that are in the store.
func (b *bench) changes() map[string]int64 {
	b.t.Helper()
	all := map[string]int64{}
	b.must(b.store.View(b.t.Context(), func(r store.Reader) error {
		for _, o := range []syncproto.Outcome{syncproto.Applied, syncproto.Merged, syncproto.Conflicted} {
			rows, err := r.ByOutcome(o, nil, syncproto.ChangeID{}, 1000)
			if err != nil {
				return err
			}
			if len(rows) > 0 {
				all[fmt.Sprint(int(o))] = int64(len(rows))
			}
		}
		return nil
	}))
	return all
}

// dump is all that stands in a report's tables, but for stamps, which count how
// often counters changed, and the cursors along changes, some of which have another
// outcome by now.
func (b *bench) dump(name string) []string {
	b.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.dir, name))
	b.must(err)
	defer func() { b.must(db.Close()) }()
	var all []string
	for _, t := range column(b, db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('summaries', 'touched', 'received') ORDER BY name") {
		rows, err := db.Query(`SELECT * FROM "` + t + `"`)
		b.must(err)
		names, err := rows.Columns()
		b.must(err)
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			b.must(rows.Scan(values...))
			line := t
			for _, v := range values {
				line += fmt.Sprintf("|%v", *v.(*any))
			}
			all = append(all, line)
		}
		b.must(rows.Err())
		b.must(rows.Close())
	}
	return all
}

func column(b *bench, db *sql.DB, query string, args ...any) (all []string) {
	b.t.Helper()
	rows, err := db.Query(query, args...)
	b.must(err)
	for rows.Next() {
		var s string
		b.must(rows.Scan(&s))
		all = append(all, s)
	}
	b.must(rows.Err())
	b.must(rows.Close())
	return all
}

// counters sums what every record contributes, place by place.
func (b *bench) counters() map[string]int64 {
	b.t.Helper()
	all := map[string]int64{}
	err := b.store.View(b.t.Context(), func(r store.Reader) error {
		scopes, err := r.Scopes()
		if err != nil {
			return err
		}
		for _, sc := range scopes {
			rows, err := r.Records(store.Filter{Scopes: []syncproto.ScopeID{sc.ID}, Max: 1000})
			if err != nil {
				return err
			}
			for _, row := range rows {
				for _, c := range indicators.Contribution(merge.Counted(b.Forms, row.State)) {
					if all[fmt.Sprintf("%x|%s", sc.Place[:], c.Key)] += c.N; all[fmt.Sprintf("%x|%s", sc.Place[:], c.Key)] == 0 {
						delete(all, fmt.Sprintf("%x|%s", sc.Place[:], c.Key))
					}
				}
			}
		}
		return nil
	})
	b.must(err)
	return all
}

func TestReportFollowsWhateverHappens(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b := newBench(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			if b.report.Current() {
				t.Fatal("a report that was never made is current")
			}
			b.must(b.report.Rebuild(t.Context(), nil))
			for n := range 60 {
				b.step(rng, n)
				if rng.IntN(4) == 0 {
					b.catchUp()
				}
			}
			b.catchUp()
			db, err := sql.Open("sqlite", filepath.Join(b.dir, "report.db"))
			b.must(err)
			got := map[string]int64{}
			for _, line := range column(b, db, "SELECT lower(hex(place)) || '|' || key || '=' || n FROM counts") {
				i := strings.LastIndexByte(line, '=')
				var n int64
				if _, err := fmt.Sscan(line[i+1:], &n); err != nil {
					t.Fatal(err)
				}
				got[line[:i]] = n
			}
			arrived := map[string]int64{}
			for _, line := range column(b, db, "SELECT outcome || ' ' || sum(n) FROM arrivals GROUP BY outcome") {
				outcome, text, _ := strings.Cut(line, " ")
				n, err := strconv.ParseInt(text, 10, 64)
				b.must(err)
				arrived[outcome] = n
			}
			b.must(db.Close())
			if want := b.changes(); !maps.Equal(arrived, want) {
				t.Errorf("changes that arrived, by outcome: %v, the store has %v", arrived, want)
			}
			if want := b.counters(); !maps.Equal(got, want) {
				t.Errorf("counts are\n%v, the records give\n%v", got, want)
			}
			anew := b.open("anew.db")
			b.must(anew.Rebuild(t.Context(), nil))
			followed, made := b.dump("report.db"), b.dump("anew.db")
			for _, line := range followed {
				if !slices.Contains(made, line) {
					t.Errorf("only what followed has %q", line)
				}
			}
			for _, line := range made {
				if !slices.Contains(followed, line) {
					t.Errorf("only what was made anew has %q", line)
				}
			}
		})
	}
}

func TestErasedContentIsNowhereInTheReport(t *testing.T) {
	b := newBench(t)
	id := b.Write(syncproto.RecordID{1}, "asset", b.places[0], map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue("زورخانهٔ پوریای ولی")})
	b.must(b.report.Rebuild(t.Context(), nil))
	if !b.holds("زورخانهٔ پوریای ولی") {
		t.Fatal("the title is not in the report; the test tests nothing")
	}
	// Somebody who reads meanwhile, and is done, keeps nothing.
	_, err := b.report.Figures(t.Context(), indicators.Moment{}, b.places, settings())
	b.must(err)
	b.Write(id, "asset", b.places[0], map[string]schemas.Value{"title_fa": schemas.TextValue("زورخانهٔ پوریای ولی، نو")})
	b.catchUp()
	b.Erase(id)
	b.catchUp()
	if b.holds("زورخانهٔ پوریای ولی") {
		t.Error("the erased title is still in the report's file while it is open")
	}
	b.must(b.report.Close())
	if b.holds("زورخانهٔ پوریای ولی") {
		t.Error("the erased title is still in the report's file")
	}
}

// holds reports whether the report's files have a text.
func (b *bench) holds(text string) (found bool) {
	b.t.Helper()
	b.must(filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasPrefix(e.Name(), "report.db") {
			return err
		}
		raw, err := os.ReadFile(path)
		found = found || bytes.Contains(raw, []byte(text))
		return err
	}))
	return found
}

// A report whose making was cut short leaves nothing behind.
func TestWhatWasNeverFinishedGoes(t *testing.T) {
	b := newBench(t)
	b.must(os.WriteFile(filepath.Join(b.dir, "other.db.new"), []byte("زورخانه"), 0o600))
	b.open("other.db")
	if _, err := os.Stat(filepath.Join(b.dir, "other.db.new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestReportOfAnotherPastIsNotRead(t *testing.T) {
	b := newBench(t)
	b.must(b.report.Rebuild(t.Context(), nil))
	b.must(b.report.Close())
	if again := b.open("report.db"); !again.Current() {
		t.Error("the report of the same store is not current")
	}
	other := newSeeded(t, 2)
	raw, err := os.ReadFile(filepath.Join(b.dir, "report.db"))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(other.dir, "taken.db"), raw, 0o600))
	taken := other.open("taken.db")
	if taken.Current() {
		t.Fatal("the report of another store is current")
	}
	if _, err := taken.Figures(t.Context(), indicators.Moment{}, other.places, settings()); !errors.Is(err, report.ErrBuilding) {
		t.Errorf("figures of a report that is not there: %v", err)
	}
	b.must(taken.Rebuild(t.Context(), nil))
	if !taken.Current() {
		t.Error("made anew it is not current")
	}
}

func TestDamagedReportIsMadeAnew(t *testing.T) {
	b := newBench(t)
	b.must(os.WriteFile(filepath.Join(b.dir, "damaged.db"), bytes.Repeat([]byte("چه"), 4000), 0o600))
	r := b.open("damaged.db")
	if r.Current() {
		t.Fatal("a damaged report is current")
	}
	b.must(r.Rebuild(t.Context(), nil))
	if !r.Current() {
		t.Error("made anew it is not current")
	}
}

func settings() *indicators.Settings {
	s := indicators.ShippedValues()
	return &s
}

func TestFiguresFollow(t *testing.T) {
	b := newBench(t)
	b.must(b.report.Rebuild(t.Context(), nil))
	count := func() int64 {
		t.Helper()
		f, err := b.report.Figures(t.Context(), indicators.Moment{Today: 20000}, b.places, settings())
		b.must(err)
		d13, ok := f.Figure("D13")
		if !ok {
			t.Fatal("there is no D13")
		}
		v, ok := d13.Value("assets")
		if !ok {
			t.Fatalf("D13 has no value of assets: %+v", d13.Values)
		}
		n, _ := v.Number.Int64()
		return n
	}
	for n := range int64(3) {
		// Asked twice, the second time from the summary that was kept.
		if first, second := count(), count(); first != n || second != n {
			t.Errorf("%d assets, then %d; want %d", first, second, n)
		}
		b.Write(syncproto.RecordID{byte(n + 1)}, "asset", b.places[n], map[string]schemas.Value{"category": schemas.CodeValue("physical"), "title_fa": schemas.TextValue("سالن")})
		b.catchUp()
	}
}

// TestTrainingFollowsTheLinks: of two accounts of one name nobody is taken for a
// facilitator; an operator who says which it is settles it, and for the other as well.
func TestTrainingFollowsTheLinks(t *testing.T) {
	b := newBench(t)
	admin := &access.Admin{Store: b.store, Clock: func() int64 { return b.Now }, Rand: rand.NewChaCha8([32]byte{3})}
	place := b.places[0]
	var accounts []store.Person
	for range 2 {
		p, err := admin.AddPerson(t.Context(), "مریم رضایی")
		b.must(err)
		b.must(b.store.Update(t.Context(), func(tx store.Tx) error {
			return tx.PutGrant(store.Grant{Person: p.ID, Place: place, Role: string(access.Facilitator), Serial: uint64(len(accounts) + 1), From: 1})
		}))
		accounts = append(accounts, p)
	}
	person := b.Write(syncproto.RecordID{1}, "person", place, map[string]schemas.Value{"full_name": schemas.TextValue("مريم رضایی")})
	b.Write(syncproto.RecordID{2}, "facilitator", place, map[string]schemas.Value{"person_id": schemas.RefValue(schemas.ID(person)), "role": schemas.CodeValue("facilitator"),
		"assigned_neighbourhood_ids": schemas.RefsValue(schemas.ID{3})})
	b.Write(syncproto.RecordID{4}, "training_attendance", place, map[string]schemas.Value{"person_id": schemas.RefValue(schemas.ID(person))})
	b.Author = accounts[0].ID
	b.Write(syncproto.RecordID{5}, "asset", place, map[string]schemas.Value{"title_fa": schemas.TextValue("سالن")})
	b.must(b.report.Rebuild(t.Context(), nil))
	activated := func() string {
		t.Helper()
		f, err := b.report.Figures(t.Context(), indicators.Moment{Today: jalali.Tehran{}.Day(time.UnixMilli(b.Now)), Now: b.Now}, b.places, settings())
		b.must(err)
		d23, _ := f.Figure("D23")
		trained, _ := d23.Value("trained")
		v, _ := d23.Value("activated")
		return trained.String() + " trained, " + v.String() + " active"
	}
	if got := activated(); got != "1 trained, 0 active" {
		t.Errorf("two of one name: %s", got)
	}
	_, _, err := admin.Link(t.Context(), accounts[0].ID.String(), person, "")
	b.must(err)
	if got := activated(); got != "1 trained, 1 active" {
		t.Errorf("linked: %s", got)
	}
	_, _, err = admin.Unlink(t.Context(), accounts[0].ID.String(), "")
	b.must(err)
	// Whose record another is, is not this one's: one account of the name is left.
	_, _, err = admin.Link(t.Context(), accounts[1].ID.String(), syncproto.RecordID{8}, "")
	b.must(err)
	if got := activated(); got != "1 trained, 1 active" {
		t.Errorf("the other is somebody else: %s", got)
	}
}
