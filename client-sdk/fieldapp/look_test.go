package fieldapp

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/client-sdk/syncer"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// looks are the ways in which every page is looked at.
var looks = []struct {
	size viewtest.Size
	lang texts.Lang
	text int
}{
	{viewtest.Phone, texts.Persian, 100},
	{viewtest.Phone, texts.English, 100},
	{viewtest.Laptop, texts.Persian, 100},
	{viewtest.Laptop, texts.English, 100},
	// The narrowest screen and the largest text: nothing may be cut.
	{viewtest.Narrow, texts.Persian, 200},
}

// look looks at a page of a screen in each of the ways, and keeps pictures of it
// if they are wanted. What is to be seen there is said in both languages.
func look(t *testing.T, name string, begin func(*testing.T) *screen, path, fa, en string) {
	t.Run(name, func(t *testing.T) {
		s := begin(t)
		link := s.serve()
		tab := viewtest.Open(t, viewtest.Phone)
		tab.Go(link)
		tab.Until(`location.pathname.startsWith("`+s.prefix()+`/")`, "the link leads nowhere")
		check := tab.Check
		for _, l := range looks {
			s.show(func(p *preference) { p.Lang, p.Size = l.lang, l.text })
			tab.Resize(l.size)
			tab.Go(s.origin() + s.prefix() + path)
			tab.See(map[texts.Lang]string{texts.Persian: fa, texts.English: en}[l.lang])
			check(fmt.Sprintf("%s, %s, %d %%", name, l.lang, l.text))
			check = tab.CheckAgain
			tab.Shot(name)
			if name == "today" && l.size.Mobile {
				s.more(tab, l.lang)
			}
		}
	})
}

// more opens the places that are not under the thumb, and goes away again.
func (s *screen) more(tab *viewtest.Tab, lang texts.Lang) {
	s.Helper()
	settings := s.words[lang].Say("screen.nav.settings", nil)
	tab.SeeNot(settings)
	if tab.Size == viewtest.Phone {
		var rows int
		tab.Eval(`new Set([...document.querySelectorAll("nav.places > ul:first-child a, nav.places .more")].map((e) => Math.round(e.getBoundingClientRect().top))).size`, &rows)
		if rows != 1 {
			s.Errorf("the places stand in %d rows", rows)
		}
	}
	tab.Click(s.words[lang].Say("view.more", nil))
	tab.See(settings)
	tab.CheckAgain("more")
	tab.Shot("more")
	tab.Press("\u001b") // escape
	tab.SeeNot(settings)
}

func (s *screen) show(change func(*preference)) {
	s.Helper()
	if err := s.prefs.set(change); err != nil {
		s.Fatal(err)
	}
}

const reviewerWords = "نام سه فرد کلیدی بدون شمارهٔ تماس است. شماره‌ها را بیفزایید یا بنویسید چرا ندارند."

// newWorked is a screen after some weeks of work: a dossier that was sent back,
// actions that are due, and what waits.
func newWorked(t *testing.T) *screen {
	s := newOpen(t, func(o *Options) {
		o.SDK.FreeSpace = func(string) (uint64, error) { return 52_000_000, nil }
	})
	s.record("dossier", `{"neighbourhood_id": "019bc6a0-0001-7000-8000-000000000001", "revision_no": 1, "assigned_on": "1405/08/01", "due_on": "1405/09/01",
		"status": "assigned", "returned": [
		{"on": "1405/08/25", "by": "019bc6a0-0002-7000-8000-000000000001", "section": "key_persons", "reason": "`+reviewerWords+`"},
		{"on": "1405/08/25", "by": "019bc6a0-0002-7000-8000-000000000001", "section": "assets", "reason": "دارایی‌های فرهنگی هنوز نیامده است."}]}`)
	dossier := s.latest("dossier")
	if _, err := s.device().Transition(ctx, dossier, "status", "collecting", ""); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s.record("asset", fmt.Sprintf(`{"category": "physical", "subtype": "hall", "title_fa": "سالن شمارهٔ %d"}`, i+1))
	}
	s.record("action_item", `{"code": "A1.2", "responsible_id": "019bc6a0-0002-7000-8000-000000000002", "title_fa": "نصب چراغ در کوچهٔ سوم", "start_on": "1405/08/01", "due_on": "1405/08/20", "status": "planned",
		"plan_id": "019bc6a0-0003-7000-8000-000000000001", "need_id": "019bc6a0-0004-7000-8000-000000000001", "weight": 10, "progress_pct": 0}`)
	s.record("advocacy_request", `{"programme": "comprehensive", "subject": "روشنایی پارک", "asked": "چهار چراغ", "state": "draft",
		"target_org_id": "019bc6a0-0003-7000-8000-000000000003"}`)
	return s
}

// latest is the record of a form.
func (s *screen) latest(form string) syncproto.RecordID {
	s.Helper()
	p, err := s.device().List(ctx, clientsdk.Query{Form: form})
	if err != nil || len(p.Rows) == 0 {
		s.Fatalf("no %s: %v", form, err)
	}
	return p.Rows[0].ID
}

// newSynced is a screen in the middle of a sync, with news.
func newSynced(t *testing.T) *screen {
	s := newWorked(t)
	asset := s.latest("asset")
	s.sync.now = syncView{Running: true, Sent: 12, Received: 230,
		Progress: clientsdk.Progress{Phase: syncer.Sending, ChangesUp: 12, ChangesLeft: 30, RecordsDown: 230, BytesUp: 18_400, BytesDown: 240_000},
		News:     []clientsdk.Verdict{{Record: asset, Outcome: syncproto.Merged}, {Record: asset, Outcome: syncproto.Quarantined}}}
	return s
}

func TestPagesLook(t *testing.T) {
	opened := func(t *testing.T) *screen { return newOpen(t) }
	before := func(t *testing.T) *screen { return newScreen(t) }
	touring := func(t *testing.T) *screen {
		s := newScreen(t)
		s.shows(s.post("/tour/begin"), "sample records")
		return s
	}
	locked := func(t *testing.T) *screen {
		s := newOpen(t)
		s.record("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن"}`)
		s.gate.close()
		return s
	}
	withPIN := func(t *testing.T) *screen {
		s := locked(t)
		if err := s.device().SetPIN("4815"); err != nil {
			t.Fatal(err)
		}
		s.gate.setPIN(true)
		return s
	}
	refused := func(t *testing.T) *screen {
		s := newOpen(t)
		s.sync.now = syncView{Err: fmt.Errorf("sync: %w", clientsdk.ErrUsedCode)}
		return s
	}
	for _, page := range []struct {
		name   string
		begin  func(*testing.T) *screen
		path   string
		fa, en string
	}{
		{"start", before, "/start", "کدی که از اداره گرفته‌اید", "Code from the office"},
		{"tour", before, "/tour", "آغاز گشت", "Begin the tour"},
		{"tour-today", touring, "/?counted=1", "رکوردها نمونه‌اند", "sample records"},
		{"tour-more", touring, "/tour", "پایان گشت و دور ریختن آن", "End the tour"},
		{"lock", locked, "/lock", "گذرواژه", "Passphrase"},
		{"lock-pin", withPIN, "/lock", "رمز کوتاه", "PIN"},
		{"today-empty", opened, "/?counted=1", "محلهٔ من", "My neighbourhood"},
		{"today", newWorked, "/?counted=1", "اعاده‌شده برای اصلاح", "Sent back to be mended"},
		{"sync", newSynced, "/sync", "در انتظار فرستادن است", "wait to be sent"},
		{"sync-refused", refused, "/sync", "کد دیگری وارد کنید", "Enter another code"},
		{"settings", opened, "/settings", "اندازهٔ نوشته", "Size of the text"},
		{"no-page", opened, "/nowhere", "چنین صفحه‌ای نیست", "There is no such page"},
	} {
		look(t, page.name, page.begin, page.path, page.fa, page.en)
	}
}

// TestClosedPageLooks: what everybody sees who has not opened the link.
func TestClosedPageLooks(t *testing.T) {
	s := newOpen(t)
	s.serve()
	tab := viewtest.Open(t, viewtest.Phone)
	tab.Go(s.origin() + "/")
	tab.See("mahalleh-field serve")
	tab.Check("closed")
	tab.Shot("closed")
}

// TestFirstDay walks from the link to the first page as a person does: language,
// code, address, passphrase, PIN; then a break, and on with the PIN.
func TestFirstDay(t *testing.T) {
	s := newScreen(t, func(o *Options) { o.SDK.Addresses = nil })
	link := s.serve()
	tab := viewtest.Open(t, viewtest.Phone)
	tab.Go(link)
	tab.See("Make this device yours")
	tab.Click("فارسی")
	tab.See("این دستگاه را از آنِ خود کنید")
	tab.Type("کدی که از اداره گرفته‌اید", "AAAA-BBBB")
	tab.Click("ادامه")
	tab.See("کد را با برگه بسنجید")
	tab.Type("کدی که از اداره گرفته‌اید", testCode())
	tab.Click("ادامه")
	tab.See("این کد برای محلهٔ شمارهٔ ۱۲ است", "اگر پیش از نخستین همگام‌سازی فراموش شود")
	tab.Click("نشان دادن آنچه نوشته می‌شود")
	tab.Until(`document.getElementById("passphrase").type === "text"`, "the passphrase stays hidden")
	tab.Check("passphrase")
	tab.Shot("start-passphrase")
	tab.Type("نشانی سرور", "office.example:8443")
	tab.Type("گذرواژه", passphrase)
	tab.Type("گذرواژه، یک بار دیگر", "چیز دیگری")
	tab.Click("این دستگاه از آنِ من شود")
	tab.See("دو گذرواژه یکی نیستند")
	tab.Type("گذرواژه", passphrase)
	tab.Type("گذرواژه، یک بار دیگر", passphrase)
	tab.Type("رمز کوتاه برای وقفه‌های کوتاه (اگر بخواهید)", "۴۸۱۵")
	tab.Click("این دستگاه از آنِ من شود")
	tab.See("این دستگاه از این پس از آنِ شماست", "محلهٔ من", "۰ درصد شناسنامه")

	// Five minutes later the open page becomes the lock by itself.
	s.clock.pass(DefaultIdle + time.Second)
	s.Start()
	tab.See("قفل است")
	tab.Type("رمز کوتاه", "۴۸۱۵")
	tab.Click("باز کردن")
	tab.See("محلهٔ من")
}

// TestTour: a minute over sample records, of which nothing stays.
func TestTour(t *testing.T) {
	s := newScreen(t)
	link := s.serve()
	tab := viewtest.Open(t, viewtest.Phone)
	tab.Go(link)
	tab.Click("First look around for a minute")
	tab.Click("Begin the tour")
	tab.See("Nothing here is kept or sent", "21 days left", "3 of 40")
	dir := s.touring().dir
	tab.Click("What to try, and the end")
	tab.Click("End the tour and throw it away")
	tab.See("Code from the office")
	if exists(dir) || clientsdk.Enrolled(s.opt.Dir) {
		t.Error("something of the tour stays")
	}
}

// TestKeyboardAlone: from the top of the page every place is reached with the
// tabulator, and the first stop skips what all pages share.
func TestKeyboardAlone(t *testing.T) {
	s := newWorked(t)
	link := s.serve()
	tab := viewtest.Open(t, viewtest.Laptop)
	tab.Go(link)
	tab.See("Sent back to be mended")
	want := map[string]bool{"To the content": false, "Settings": false, "Mend: Key persons": false, "Seen: Key persons": false, "Record: Assets": false, "Sync": false}
	tab.Press("\t")
	if got := tab.Focused(); got != "To the content" {
		t.Errorf("the first stop is %q", got)
	}
	for range 60 {
		want[tab.Focused()] = true
		tab.Press("\t")
	}
	for name, reached := range want {
		if !reached {
			t.Errorf("%q is not reached by keyboard", name)
		}
	}
}

// TestSeenByReviewer: the reviewer's words lead to the section's records, and go
// to the side once they are marked as seen.
func TestReviewersWords(t *testing.T) {
	s := newWorked(t)
	link := s.serve()
	tab := viewtest.Open(t, viewtest.Phone)
	tab.Go(link)
	tab.See("Sent back to be mended", reviewerWords)
	tab.Click("Seen: Key persons")
	tab.See("1 section sent back, answered or seen")
	tab.SeeNot(reviewerWords)
	tab.See("دارایی‌های فرهنگی")
	// The mark outlives the program.
	s.restart()
	if err := s.Unlock(ctx, clientsdk.Credentials{Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	s.shows(s.get("/?counted=1"), "1 section sent back, answered or seen")
}

// TestReviewersWordsGoAlong: where a section is mended the reviewer's words stand
// above. A section of one record opens that record's form, one of several their list.
func TestReviewersWordsGoAlong(t *testing.T) {
	s := newOpen(t)
	profile := s.record("neighbourhood_profile", `{"reference_year": 1405, "data_basis": "census"}`)
	s.record("dossier", `{"neighbourhood_id": "019bc6a0-0001-7000-8000-000000000001", "revision_no": 1, "assigned_on": "1405/08/01", "due_on": "1405/09/01",
		"status": "assigned", "returned": [
		{"on": "1405/08/25", "by": "019bc6a0-0002-7000-8000-000000000001", "section": "key_persons", "reason": "`+reviewerWords+`"},
		{"on": "1405/08/25", "by": "019bc6a0-0002-7000-8000-000000000001", "section": "profile", "reason": "سال آمار نوشته نشده است."}]}`)
	if _, err := s.device().Transition(ctx, s.latest("dossier"), "status", "collecting", ""); err != nil {
		t.Fatal(err)
	}
	mend := "/edit/" + profile.String() + "?at=-&then=%2F"
	s.shows(s.get("/?counted=1"), "submit the dossier again", s.prefix()+"/records?form=key_person", s.prefix()+strings.ReplaceAll(mend, "&", "&amp;"))
	s.shows(s.get("/records?form=key_person"), reviewerWords)
	f := s.open(mend)
	s.shows(f.page, "سال آمار نوشته نشده است.", "1405")
	if page := s.get("/records?form=asset"); strings.Contains(page, reviewerWords) {
		t.Error("the words stand where they do not belong")
	}
	// Whoever is done is back where the words stood.
	if a := f.sends("do", "save"); a.Header.Get("Mahalleh-Go") != s.prefix()+"/" {
		t.Errorf("the form leads to %q", a.Header.Get("Mahalleh-Go"))
	}
}

// TestReviewersWordsAtTheField: where the reviewer named a record and a question, the
// way leads there, and the words stand at the question, not on other records of the
// section. The answer goes into the dossier, where the reviewer reads it.
func TestReviewersWordsAtTheField(t *testing.T) {
	s := newOpen(t)
	hall := s.record("asset", `{"category": "physical", "subtype": "hall", "title_fa": "سالن مدرسه"}`)
	other := s.record("asset", `{"category": "physical", "subtype": "park", "title_fa": "پارک"}`)
	s.record("dossier", `{"neighbourhood_id": "019bc6a0-0001-7000-8000-000000000001", "revision_no": 1, "assigned_on": "1405/08/01", "due_on": "1405/09/01",
		"status": "assigned", "returned": [{"on": "1405/08/25", "by": "019bc6a0-0002-7000-8000-000000000001", "section": "assets", "reason": "`+reviewerWords+`",
		"record_id": "`+hall.String()+`", "field": "address"}]}`)
	dossier := s.latest("dossier")
	if _, err := s.device().Transition(ctx, dossier, "status", "collecting", ""); err != nil {
		t.Fatal(err)
	}
	today := s.get("/?counted=1")
	s.shows(today, "سالن مدرسه · Hall · Address", "/edit/"+hall.String()+"?at=address&amp;then=%2F")
	a := s.ask(http.MethodGet, "/edit/"+hall.String()+"?at=address&then=%2F", nil)
	if to := a.Header.Get("Location"); !strings.HasSuffix(to, "#f-address-c") {
		t.Fatalf("it leads to %q", to)
	}
	f := s.open("/edit/" + hall.String() + "?at=address&then=%2F")
	_, at, _ := strings.Cut(f.page, `id="f-address"`)
	if at, _, _ = strings.Cut(at, `name="address"`); !strings.Contains(at, reviewerWords) || strings.Count(f.page, reviewerWords) != 1 {
		t.Errorf("the words do not stand at the question, and there alone:\n%s", at)
	}
	if page := s.open("/edit/" + other.String()).page; strings.Contains(page, reviewerWords) {
		t.Error("the words stand on another record")
	}
	row := regexp.MustCompile(`name="row" value="([0-9a-f]+)"`).FindStringSubmatch(today)[1]
	s.shows(s.post("/today/answer", "dossier", dossier.String(), "row", row, "answer", "نشانی نوشته شد."), "The answer is recorded", "Your answer: ⁨نشانی نوشته شد.")
	r, err := s.device().Record(ctx, dossier)
	if err != nil {
		t.Fatal(err)
	}
	list, _ := r.Form.FieldByName("returned")
	answer, _ := r.Form.FieldByName("returned.answer")
	if got := r.Values.Fields[list.ID].Items()[0].Fields[answer.ID].Text(); got != "نشانی نوشته شد." {
		t.Errorf("the dossier holds the answer %q", got)
	}
}
