package fieldapp

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// record saves a form with fields as JSON.
func (s *screen) record(form, fields string) syncproto.RecordID {
	s.Helper()
	d, err := s.device().New(ctx, form)
	if err != nil {
		s.Fatal(err)
	}
	if err := d.SetJSON([]byte(fields)); err != nil {
		s.Fatal(err)
	}
	r, err := d.Save(ctx)
	if err != nil || !r.Saved {
		s.Fatalf("not saved: %v, %+v", err, r.Problems)
	}
	return r.Record
}

func assetJSON(title string) string {
	return fmt.Sprintf(`{"category": "physical", "subtype": "hall", "title_fa": %q, "address": "خیابان بهار", "location": {"lat": 37.2511, "lon": 49.6124}}`, title)
}

// wants fails where a page lacks one of some texts, or holds one that begins
// with "!".
func (s *screen) wants(page string, texts ...string) {
	s.Helper()
	for _, text := range texts {
		if no, is := strings.CutPrefix(text, "!"); is {
			if strings.Contains(page, no) {
				s.Errorf("%q stands in the page", no)
			}
		} else if !strings.Contains(page, text) {
			s.Errorf("%q is not in the page:\n%s", text, page)
		}
	}
}

// TestFindInAnySpelling: whoever searches finds the record under every spelling
// that people type, as they type it.
func TestFindInAnySpelling(t *testing.T) {
	s := newOpen(t)
	s.record("asset", assetJSON("استخری که آبش می‌رود"))
	s.record("asset", assetJSON("کتابخانهٔ شهید"))
	for _, text := range []string{"ميرود", "می رود", "مي‌رود", "میرو", "استخري مي‌رود"} {
		s.wants(s.get("/records?q="+url.QueryEscape(text)), "استخری که آبش می‌رود", "!کتابخانهٔ شهید", "1 record")
	}
	s.wants(s.get("/records?q="+url.QueryEscape("دریا")), "Nothing was found for")
	part := s.ask(http.MethodGet, "/records?q="+url.QueryEscape("استخر"), nil, func(r *http.Request) { r.Header.Set("HX-Request", "true") })
	if strings.Contains(part.body, "<html") || part.Header.Get("Mahalleh-Part") != "found" || !strings.HasSuffix(part.Header.Get("HX-Replace-Url"), "/records?q="+url.QueryEscape("استخر")) {
		t.Errorf("a search as it is typed gives %v\n%s", part.Header, part.body)
	}
}

// TestListKeepsItsPlace: pages in the order of the Persian alphabet; a record
// that is opened leads back to the page it was on.
func TestListKeepsItsPlace(t *testing.T) {
	s := newOpen(t, func(o *Options) { o.Lang = texts.Persian })
	for n := range 2*rowsApart + 5 {
		s.record("block", fmt.Sprintf(`{"code": "B%02d"}`, 98-n))
	}
	found := func(to string) string {
		_, part, _ := strings.Cut(s.get(to), `<section id="found"`)
		return part
	}
	first := found("/records?form=block")
	s.wants(first, "B34", "B63", "!B64", "صفحهٔ بعد", "!صفحهٔ قبل", "۶۵ رکورد")
	second := found(s.link(first, "next"))
	s.wants(second, "B64", "B93", "!B63", "صفحهٔ قبل")
	third := found(s.link(second, "next"))
	s.wants(third, "B94", "B98", "!صفحهٔ بعد")
	s.wants(found(s.link(found(s.link(third, "prev")), "prev")), "B34", "!صفحهٔ قبل")
	opened := s.get(strings.TrimPrefix(regexp.MustCompile(`href="([^"]*/record/[^"]*)"`).FindStringSubmatch(second)[1], s.prefix()))
	back := regexp.MustCompile(`class="back" href="([^"]*)"`).FindStringSubmatch(opened)
	if back == nil || strings.ReplaceAll(back[1], "&amp;", "&") != s.prefix()+s.link(first, "next") {
		t.Errorf("the record leads back to %v", back)
	}
	// An address that was kept too long, or made up, begins anew.
	s.wants(s.get("/records?form=block&after=zz"), "B34")
	s.wants(s.get("/records?form=nothing&only=nothing&of=nobody"), "B98")
}

// link is where a page's link of a relation leads.
func (s *screen) link(page, rel string) string {
	s.Helper()
	m := regexp.MustCompile(`rel="` + rel + `" href="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		s.Fatalf("no link %q in\n%s", rel, page)
	}
	return strings.TrimPrefix(strings.ReplaceAll(m[1], "&amp;", "&"), s.prefix())
}

// TestListsByStateAndBlock: what is not sent, what is only a draft, what belongs
// to a block.
func TestListsByStateAndBlock(t *testing.T) {
	s := newOpen(t)
	block := s.record("block", `{"code": "B01", "households": 30}`)
	s.record("asset", strings.Replace(assetJSON("مسجد جامع"), "{", fmt.Sprintf(`{"block_id": %q, `, block), 1))
	s.record("asset", assetJSON("پارک کودک"))
	d, err := s.device().New(ctx, "asset")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Set("title_fa", "کارگاه نیمه‌کاره"); err != nil {
		t.Fatal(err)
	}
	if err := d.Autosave(ctx); err != nil {
		t.Fatal(err)
	}
	s.wants(s.get("/records?of="+block.String()), "مسجد جامع", "!پارک کودک")
	s.wants(s.get("/records?only=draft"), "کارگاه نیمه‌کاره", "!مسجد", "/draft/"+syncproto.RecordID(d.ID()).String())
	s.wants(s.get("/records?only=unsent&form=asset"), "مسجد جامع", "پارک کودک", "!نیمه‌کاره", "not sent yet")
	s.wants(s.get("/records?only=conflict"), "No record was found.")
	s.wants(s.get("/records"), "By form", "Block", "Latest", "کارگاه نیمه‌کاره")
	s.wants(s.get("/record/"+block.String()), "Belonging to this record", "of="+block.String())
	drafts := s.get("/drafts")
	s.wants(drafts, "کارگاه نیمه‌کاره")
	s.wants(s.post("/drafts/"+syncproto.RecordID(d.ID()).String()+"/drop"), "The draft was discarded.", "There is no draft.")
}

// TestRecordPage: what is recorded, by section, its references as links, its
// history from what to what, and what is not sent.
func TestRecordPage(t *testing.T) {
	s := newOpen(t)
	block := s.record("block", `{"code": "B01"}`)
	id := s.record("asset", strings.Replace(assetJSON("مسجد جامع"), "{", fmt.Sprintf(`{"condition": 3, "block_id": %q, `, block), 1))
	to := "/record/" + id.String()
	s.wants(s.get(to), "مسجد جامع", "خیابان بهار", "Hall", "/record/"+block.String(), "not sent yet", "Not sent yet; once it is:", "Accepted.")
	d, err := s.device().Edit(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Set("condition", "5"); err != nil {
		t.Fatal(err)
	}
	if r, err := d.Save(ctx); err != nil || !r.Saved {
		t.Fatal(err, r)
	}
	page := s.get(to)
	s.wants(page, "<del><bdi class=\"text\">3</bdi></del>", "on this device", "Take this change back")
	undo := regexp.MustCompile(`action="([^"]*/undo/[^"]*)"`).FindStringSubmatch(page)
	a := s.ask(http.MethodPost, strings.TrimPrefix(undo[1], s.prefix()), url.Values{})
	if a.StatusCode != http.StatusSeeOther || !strings.Contains(a.Header.Get("Location"), "/draft/") {
		t.Errorf("an undo leads to %s %q", a.Status, a.Header.Get("Location"))
	}
	s.wants(s.get(to), "Go on with the draft")
	if v, err := s.device().Record(ctx, id); err != nil || !v.HasDraft {
		t.Error("the undo was not kept as a draft")
	}
	for _, bad := range []string{"/record/nothing", "/record/019bc6a0-0102-7000-8000-000000000102", to + "/undo/zz", to + "/step?to=met"} {
		if a := s.ask(http.MethodGet, bad, nil); a.StatusCode < 400 || a.StatusCode >= 500 {
			t.Errorf("%s: %s", bad, a.Status)
		}
	}
}

// TestDeleteAndBringBack: a record that is deleted with its reason stands in the
// trash and comes back from there.
func TestDeleteAndBringBack(t *testing.T) {
	s := newOpen(t)
	id := s.record("asset", assetJSON("مسجد جامع"))
	to := "/record/" + id.String()
	s.wants(s.get(to+"/delete"), "مسجد جامع", "Delete it", "Not now")
	s.wants(s.post(to+"/delete", "reason", "دو بار ثبت شده"), "was deleted", "/trash")
	s.wants(s.get("/records?form=asset"), "!مسجد جامع")
	s.wants(s.get(to), "This record is deleted.", "Bring back", "!Delete the record")
	s.wants(s.get("/trash"), "مسجد جامع", "you deleted it", "دو بار ثبت شده")
	s.wants(s.post(to+"/restore", "from", "/trash"), "is back", "Nothing was deleted.")
	s.wants(s.get("/records?form=asset"), "مسجد جامع")
}

// TestStepIsAskedFirst: a step says what it does and what a rule warns of; what a
// rule forbids is not done, and says so.
func TestStepIsAskedFirst(t *testing.T) {
	s := newOpen(t)
	id := s.record("need", `{"title_fa": "آب آشامیدنی", "category": "health", "affected_groups": ["all"], "evidence_refs": ["019bc6a0-0102-7000-8000-000000000102"], "status": "proposed"}`)
	page := s.get("/record/" + id.String())
	step := regexp.MustCompile(`href="([^"]*/step\?to=([^"]*))"`).FindAllStringSubmatch(page, -1)
	if len(step) == 0 {
		t.Fatalf("no step in\n%s", page)
	}
	for _, x := range step {
		to := strings.TrimPrefix(x[1], s.prefix())
		if a := s.ask(http.MethodGet, to, nil); a.StatusCode == http.StatusOK {
			s.wants(a.body, "آب آشامیدنی", "Take this step")
			s.wants(s.post(strings.Split(to, "?")[0], "to", x[2]), "The state is")
			return
		} else if a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", to, a.Status)
		}
	}
	t.Error("no step may be taken")
}

// TestRoundWithOneThumb: the next household of a block is one touch away, nobody
// at home another, a refusal a third; the lists say who is to be called on again.
func TestRoundWithOneThumb(t *testing.T) {
	s := newOpen(t)
	s.wants(s.get("/round"), "No block is recorded yet")
	block := s.record("block", `{"code": "B01", "households": 30}`)
	s.wants(s.get("/round"), "B01", "30 households left", "No survey campaign is recorded")
	at := "/round?block=" + block.String()
	s.wants(s.get(at), "Block B01", "Ask household 1", "Nobody at home")
	s.wants(s.post("/round/"+block.String()+"/not-home"), "Household 1: nobody at home", "Ask household 2", "To call on again")
	s.wants(s.post("/round/"+block.String()+"/refused"), "Household 2 refused; noted.", "Ask household 3", "1 refused")
	a := s.ask(http.MethodPost, "/round/"+block.String()+"/next", url.Values{})
	form := strings.TrimPrefix(a.Header.Get("Location"), s.prefix())
	s.wants(s.get(form), "Household response", `/round?block=`+block.String())
	page := s.get(at)
	s.wants(page, "Ask household 3", "Household 1") // nothing was typed
	again := regexp.MustCompile(`action="([^"]*/draft/[^"]*/refused)"`).FindStringSubmatch(page)
	s.wants(s.post(strings.TrimPrefix(again[1], s.prefix())), "Household 1 refused; noted.", "2 refused")
	s.wants(s.post(form, "consent", "yes", "was:consent", "", "do", "keep"), "Block B01", "Begun", "Household 3", "Ask household 4")
	drafts, err := s.device().Drafts(ctx)
	if err != nil || len(drafts) != 1 {
		t.Errorf("%d drafts are left, %v", len(drafts), err)
	}
	for _, bad := range []string{"/round/" + block.String() + "/elsewhere", "/round/" + clientsdk.BesideID(block, 1).String() + "/next"} {
		if a := s.ask(http.MethodPost, bad, url.Values{}); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", bad, a.Status)
		}
	}
}

// TestLikelyIsProposed: who types what is recorded already, in another spelling,
// is shown it, and comes back from it to the form.
func TestLikelyIsProposed(t *testing.T) {
	s := newOpen(t)
	id := s.record("asset", assetJSON("سالن ورزشی دبستان"))
	a := s.ask(http.MethodGet, "/new/asset?category=physical&subtype=hall&title_fa="+url.QueryEscape("سالن ورزشي دبستان"), nil)
	form := strings.TrimPrefix(a.Header.Get("Location"), s.prefix())
	s.wants(s.get(form), "This may be recorded already", "Alike in", "/record/"+id.String()+"?from="+url.QueryEscape(form))
	s.wants(s.get("/record/"+id.String()+"?from="+url.QueryEscape(form)), `class="back" href="`+s.prefix()+form)
	s.wants(s.post(form, "title_fa", "کتابخانه", "was:title_fa", "سالن ورزشي دبستان"), "!This may be recorded already")
}
