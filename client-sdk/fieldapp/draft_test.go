package fieldapp

import (
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/localstore/disktest"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
)

// page is the form that a browser shows: what it sends is what stands in it.
type shownForm struct {
	*screen
	address string
	page    string
	was     map[string]string
}

// open opens an address that shows a form.
func (s *screen) open(to string) *shownForm {
	s.Helper()
	a := s.ask(http.MethodGet, to, nil)
	for a.StatusCode == http.StatusSeeOther {
		to = strings.TrimPrefix(a.Header.Get("Location"), s.prefix())
		to, _, _ = strings.Cut(to, "#") // no browser sends it
		a = s.ask(http.MethodGet, to, nil)
	}
	if a.StatusCode != http.StatusOK {
		s.Fatalf("GET %s: %s\n%s", to, a.Status, a.body)
	}
	f := &shownForm{screen: s, address: to}
	f.shown(a.body)
	return f
}

var wasInput = regexp.MustCompile(`name="was:([^"]*)" value="([^"]*)"`)

func (f *shownForm) shown(page string) {
	f.page, f.was = page, map[string]string{}
	for _, m := range wasInput.FindAllStringSubmatch(page, -1) {
		f.was[m[1]] = html.UnescapeString(m[2])
	}
}

// sends sends fields as the page's script does: path and text in turn, and "do".
func (f *shownForm) sends(pairs ...string) answer {
	f.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != "do" && pairs[i] != "shown" && !strings.HasPrefix(pairs[i], "q:") {
			if _, ok := f.was[pairs[i]]; !ok {
				f.Fatalf("the page has no field %s", pairs[i])
			}
			form.Set("was:"+pairs[i], f.was[pairs[i]])
		}
		form.Add(pairs[i], pairs[i+1])
	}
	return f.ask(http.MethodPost, f.address, form, func(r *http.Request) { r.Header.Set("Mahalleh-Parts", "1") })
}

// sets sends fields and shows the page as it stands then.
func (f *shownForm) sets(pairs ...string) string {
	f.Helper()
	a := f.sends(pairs...)
	if a.StatusCode != http.StatusOK || a.Header.Get("Mahalleh-Parts") == "" {
		f.Fatalf("%v: %s\n%s", pairs, a.Status, a.body)
	}
	if a.Header.Get("Mahalleh-Go") == "" {
		f.shown(f.get(f.address))
	}
	return a.body
}

func (s *screen) draftsThere() []clientsdk.DraftInfo {
	s.Helper()
	all, err := s.device().Drafts(ctx)
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func (s *screen) records(form string) []clientsdk.Row {
	s.Helper()
	page, err := s.device().List(ctx, clientsdk.Query{Form: form})
	if err != nil {
		s.Fatal(err)
	}
	return page.Rows
}

// A form is filled in field by field, each stored as it is left, and saved.
func TestAFormIsFilledInAndSaved(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	if len(s.draftsThere()) != 0 {
		t.Error("a form that nobody touched is stored")
	}
	f.sets("category", "physical")
	f.sets("subtype", "hall", "title_fa", "سالن ورزشی")
	f.sets("location", "37.2511, 49.6124 ±8")
	if len(s.draftsThere()) != 1 {
		t.Error("what was typed is not stored")
	}
	a := f.sends("do", "save")
	if to := a.Header.Get("Mahalleh-Go"); !strings.Contains(to, "/record/") {
		t.Fatalf("saving leads to %q:\n%s", to, a.body)
	}
	rows := s.records("asset")
	if len(rows) != 1 || !strings.Contains(rows[0].Title, "سالن ورزشی") || len(s.draftsThere()) != 0 {
		t.Errorf("the records are %+v, the drafts %v", rows, s.draftsThere())
	}
}

// A browser without scripts sends the whole form, and is led to the page anew.
func TestAFormWithoutScripts(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	form := url.Values{"do": {"save"}}
	for path, was := range f.was {
		form.Set("was:"+path, was)
	}
	form.Set("category", "physical")
	a := s.ask(http.MethodPost, f.address, form)
	if a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	page := s.get(strings.TrimPrefix(strings.SplitN(a.Header.Get("Location"), "#", 2)[0], s.prefix()))
	s.shows(page, "form-errors", `value="physical" checked`, "It is empty.")
}

// Only the parts that show something else are sent again.
func TestOnlyWhatChangedIsSent(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	var shown []string
	for _, m := range regexp.MustCompile(`id="([^"]*)"[^>]* data-part="([^"]*)"`).FindAllStringSubmatch(f.page, -1) {
		shown = append(shown, m[1], m[2])
	}
	if len(shown) < 20 {
		t.Fatalf("the page says of %d parts what they show", len(shown)/2)
	}
	body := f.sets("category", "individual", "shown", strings.Join(shown, " "))
	s.shows(body, `id="f-category"`, `id="f-location"`, `id="form-state"`)
	if strings.Contains(body, `id="f-title_fa"`) || strings.Contains(body, `id="f-condition"`) {
		t.Errorf("parts that show the same are sent again:\n%s", body)
	}
}

// What cannot be read stays as it was typed, also in rows and after a crash.
func TestWhatCannotBeReadStays(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/household_response")
	f.sets("household_no", "چهار", "consent", "yes")
	f.sets("do", "add:services_problem")
	f.sets("services_problem.1.severity", "زیاد")
	s.shows(f.page, "چهار", "زیاد", "takes a whole number")
	s.restart()
	if err := s.device().Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	s.gate.open()
	f = s.open(f.address)
	s.shows(f.page, "چهار", "زیاد")
	s.shows(s.get("/drafts"), f.address)
}

// Rows are added, moved, taken out and put back, by the names that they keep.
func TestRowsOnThePage(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/household_response")
	f.sets("consent", "yes", "do", "add:services_problem")
	f.sets("do", "add:services_problem")
	f.sets("services_problem.1.service", "sewage", "services_problem.2.service", "water")
	f.sets("do", "up:services_problem.2")
	if strings.Index(f.page, "r-services_problem-2") > strings.Index(f.page, "r-services_problem-1") {
		t.Error("the row did not move")
	}
	stale := *f
	f.sets("do", "drop:services_problem.2")
	if strings.Contains(f.page, "r-services_problem-2") {
		t.Error("the row is still there")
	}
	// A page that still shows the row cannot write into another one.
	stale.sends("services_problem.2.service", "road")
	f.shown(f.get(f.address))
	s.shows(f.page, `id="f-services_problem-1-service-c-sewage" name="services_problem.1.service" value="sewage" checked`)
	f.sets("do", "back:services_problem")
	s.shows(f.page, "r-services_problem-2", `name="services_problem.2.service" value="water" checked`)
}

// Two pages that show one draft do not replace what the other wrote: both texts are
// shown, and a person chooses.
func TestTwoPagesOnOneDraft(t *testing.T) {
	s := newOpen(t)
	one := s.open("/new/asset")
	one.sets("title_fa", "سالن")
	two := s.open(one.address)
	other := *two
	two.sets("title_fa", "سالن ورزشی")
	body := other.sets("title_fa", "سالن مدرسه")
	s.shows(body, "سالن ورزشی", "سالن مدرسه", "mine:title_fa")
	other.sets("do", "mine:title_fa")
	s.shows(other.page, `value="سالن مدرسه"`)
	if strings.Contains(other.page, "mine:title_fa") {
		t.Error("the question is still asked")
	}
	// What was left alone on one page is not replaced by what it showed.
	other.sets("title_fa", other.was["title_fa"])
	s.shows(other.page, `value="سالن مدرسه"`)
}

// A record and the consent that it refers to are saved together.
func TestFormsSavedTogether(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/person")
	f.sets("full_name", "مریم احمدی", "sex", "female")
	s.clock.pass(time.Second)
	a := f.sends("do", "make:consent:consent_id")
	consent := s.open(strings.TrimPrefix(a.Header.Get("Mahalleh-Go"), s.prefix()))
	s.shows(consent.page, "Back to Person", "saved together with “Person”")
	f = s.open(f.address)
	s.shows(f.page, "Consent (in this record)", "Save all 2 forms together")
	a = f.sends("do", "save")
	if a.Header.Get("Mahalleh-Go") != "" {
		t.Fatal("both were saved while the consent is incomplete")
	}
	s.shows(a.body, "“Consent” is not complete yet")
	if len(s.draftsThere()) != 2 {
		t.Errorf("the drafts are %v", s.draftsThere())
	}
	consent.shown(s.get(consent.address))
	consent.sets("purposes", "contact", "text_version", "1", "given_on", "1405/08/30", "method", "signed")
	f.shown(s.get(f.address))
	if a = f.sends("do", "save"); a.Header.Get("Mahalleh-Go") == "" {
		t.Fatalf("they are not saved:\n%s", a.body)
	}
	if len(s.draftsThere()) != 0 || len(s.records("person")) != 1 || len(s.records("consent")) != 1 {
		t.Errorf("the drafts are %v", s.draftsThere())
	}
}

// A form that belongs to another is thrown away, and nothing refers to it any more.
func TestThrownAwayNothingRefersToIt(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/person")
	f.sets("full_name", "مریم احمدی")
	s.clock.pass(time.Second)
	a := f.sends("do", "make:consent:consent_id")
	consent := s.open(strings.TrimPrefix(a.Header.Get("Mahalleh-Go"), s.prefix()))
	consent.sets("do", "discard")
	f.shown(s.get(f.address))
	if f.was["consent_id"] != "" || len(s.draftsThere()) != 1 {
		t.Errorf("the person refers to %q, the drafts are %v", f.was["consent_id"], s.draftsThere())
	}
	// The page of what was thrown away says so.
	body := consent.sends("text_version", "2").body
	s.shows(body, "thrown away on another page", "/drafts")
}

// A step that a rule forbids is not taken: the rule and its source are named, and
// what was typed is kept.
func TestARefusedStepNamesItsRule(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/dossier")
	f.sets("assigned_on", "1405/08/01", "due_on", "1405/09/01", "revision_no", "1",
		"neighbourhood_id", "019bc6a0-0801-7000-8000-000000000801")
	a := f.sends("do", "save")
	if a.Header.Get("Mahalleh-Go") == "" {
		t.Fatalf("the dossier is not saved:\n%s", a.body)
	}
	row := s.records("dossier")[0]
	f = s.open("/edit/" + row.ID.String())
	f.sets("status", "collecting")
	s.shows(f.page, `value="collecting" checked`, `value="assigned"`) // to leave it, after all
	f.sets("status", "submitted")
	a = f.sends("do", "save")
	s.shows(a.body, "form-refused", "Rule")
	if len(s.draftsThere()) != 1 {
		t.Errorf("what was typed is lost: %v", s.draftsThere())
	}
	rec, err := s.device().Record(ctx, row.ID)
	if err != nil {
		t.Fatal(err)
	}
	status, _ := rec.Form.FieldByName("status")
	if got := rec.Values.Fields[status.ID]; !got.Equal(schemas.CodeValue("assigned")) {
		t.Errorf("the state is %v", got)
	}
}

// Choices are found by any spelling, codes and records.
func TestChoicesAreSearched(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	list, _ := s.device().Forms().List("ASSETSUB")
	item, _ := list.Item("library")
	body := s.get(f.address + "/choices?" + url.Values{"path": {"subtype"}, "q": {item.Label.En[:4]}}.Encode())
	s.shows(body, `value="library"`)
	if strings.Contains(body, `value="sewage"`) || strings.Count(body, "<input") > 4 {
		t.Errorf("too much is found:\n%s", body)
	}
}

// The calendar is drawn by the program, leap years too.
func TestTheCalendar(t *testing.T) {
	s := newOpen(t)
	body := s.get("/calendar?at=1403/12")
	s.shows(body, `data-day="1403/12/30"`, `data-to="1404/01"`, "Esfand 1403")
	body = s.get("/calendar?chosen=1404/10/26")
	s.shows(body, `aria-current="date"`, "Dey 1404")
	if a := s.ask(http.MethodGet, "/calendar?at=x", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("a month that is none: %s", a.Status)
	}
}

// A disk that is full while somebody types is told, nothing is lost, and what was
// typed is stored as soon as there is room.
func TestADiskThatIsFullWhileTyping(t *testing.T) {
	disk := disktest.New(t)
	s := newOpen(t, func(o *Options) { o.SDK.VFS = disktest.Name })
	f := s.open("/new/asset")
	f.sets("category", "physical", "subtype", "hall")
	disk.Full.Store(true)
	body := f.sets("title_fa", "سالن ورزشی")
	s.shows(body, "data-failed", "not kept on the device yet", "full")
	f.shown(f.get(f.address))
	s.shows(f.page, `value="سالن ورزشی"`)
	body = f.sets("do", "save")
	s.shows(body, "data-failed", "form-refused")
	if a := s.ask(http.MethodGet, "/new/asset", nil); a.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("a form that could not be stored is begun: %s", a.Status)
	}
	disk.Full.Store(false)
	body = f.sets("do", "again")
	s.shows(body, "Draft kept")
	if a := f.sends("do", "save"); a.Header.Get("Mahalleh-Go") == "" {
		t.Errorf("it is not saved with room on the disk:\n%s", a.body)
	}
}

// A draft that was begun in an earlier revision of its form goes on in it, and the
// page says so, with what the later one asks otherwise.
func TestAFormThatWasRevisedMeanwhile(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/asset")
	f.sets("category", "physical", "title_fa", "سالن")
	s.opt.SDK.Forms = revised(t, "asset")
	s.restart()
	if err := s.device().Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	s.gate.open()
	f = s.open(f.address)
	s.shows(f.page, "begun in its earlier version", "also asks: Colour.", "another way: Kind of asset.", `value="سالن"`)
	f.sets("subtype", "hall")
	if a := f.sends("do", "save"); a.Header.Get("Mahalleh-Go") == "" {
		t.Errorf("it is not saved:\n%s", a.body)
	}
}

// revised is the package of forms with a second revision of a form, which has a field
// more and another name for one.
func revised(t *testing.T, name string) *schemas.Package {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(forms.Files(), ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(forms.Files(), file)
		files[file] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	old := string(files[name+".r1.json"].Data)
	now := strings.Replace(old, `"revision": 1`, `"revision": 2`, 1)
	now = strings.Replace(now, `"fields": [`, `"fields": [{"id": 900, "name": "colour", "type": "text", "label": {"fa": "رنگ", "en": "Colour"}, "sensitivity": "S0"},`, 1)
	now = strings.Replace(now, `"en": "Category"`, `"en": "Kind of asset"`, 1)
	files[name+".r2.json"] = &fstest.MapFile{Data: []byte(now)}
	p, err := schemas.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
