package fieldapp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

// neighbourhood fills the device as it is after some days of work, and returns a
// block and an asset of it.
func (s *screen) neighbourhood() (block, asset syncproto.RecordID) {
	s.Helper()
	block = s.record("block", `{"code": "B01", "households": 30, "walk_order": 1}`)
	s.record("block", `{"code": "B02", "households": 42, "walk_order": 2}`)
	s.record("block", `{"code": "B03", "walk_order": 3}`)
	asset = s.record("asset", strings.Replace(assetJSON("مسجد جامع چشمه‌سر"), "{", fmt.Sprintf(`{"condition": 3,
		"description": "حیاط بزرگ دارد و هر پنج‌شنبه باز است.\nکلید نزد سرایدار است.", "capacity_value": 60, "capacity_unit": "person", "block_id": %q, `, block), 1))
	for _, title := range []string{"پارک کودک", "سالن ورزشی دبستان شهید بهشتی شیفت پسرانهٔ بعدازظهر", "استخری که آبش می‌رود", "آرایشگاه", "ژاله؛ آموزش خیاطی", "چاپخانه"} {
		s.record("asset", assetJSON(title))
	}
	d, err := s.device().Edit(ctx, asset)
	if err == nil {
		err = d.Set("condition", "5")
	}
	if err == nil {
		_, err = d.Save(ctx)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.clock.pass(time.Minute)
	if _, err := s.device().Delete(ctx, s.record("asset", assetJSON("پارک کودک (تکراری)")), "دو بار ثبت شده بود"); err != nil {
		s.Fatal(err)
	}
	for n := range 4 {
		x, err := s.device().NextHousehold(ctx, s.device().Person().Place, block)
		switch {
		case err != nil:
		case n == 1:
			_, err = x.Refuse(ctx)
		case n == 3:
			if err = x.Set("consent", "true"); err == nil {
				err = x.Autosave(ctx)
			}
		default:
			err = x.Autosave(ctx)
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	return block, asset
}

// opens opens the screen in a browser.
func (s *screen) opens(size viewtest.Size) *viewtest.Tab {
	s.Helper()
	tab := viewtest.Open(s, size)
	tab.Go(s.serve())
	tab.See(s.words[s.prefs.get().Lang].Say("screen.nav.records", nil))
	return tab
}

func (s *screen) at(to string) string { return s.origin() + s.prefix() + to }

// TestRecordsAsPeopleSeeThem looks at every page of records on a phone in Persian
// and on a laptop in English: nothing is cut, too small, or out of reach.
func TestRecordsAsPeopleSeeThem(t *testing.T) {
	for _, x := range []struct {
		size viewtest.Size
		lang texts.Lang
	}{{viewtest.Phone, texts.Persian}, {viewtest.Laptop, texts.English}} {
		t.Run(x.size.Name, func(t *testing.T) {
			s := newOpen(t, func(o *Options) { o.Lang = x.lang })
			block, asset := s.neighbourhood()
			tab := s.opens(x.size)
			for _, page := range []struct{ name, to string }{
				{"records", "/records"}, {"list", "/records?form=asset"}, {"record", "/record/" + asset.String()}, {"delete", "/record/" + asset.String() + "/delete"},
				{"trash", "/trash"}, {"drafts", "/drafts"}, {"round", "/round"}, {"block", "/round?block=" + block.String()}, {"conflicts", "/conflicts"},
			} {
				tab.Go(s.at(page.to))
				tab.Eval(`document.querySelectorAll("details").forEach((d) => d.open = true)`, nil)
				tab.Check(page.name)
				tab.Shot(page.name)
			}
		})
	}
}

// TestRecordsLarge: on the narrowest screen, with text twice as large, in Persian.
func TestRecordsLarge(t *testing.T) {
	s := newOpen(t, func(o *Options) { o.Lang = texts.Persian })
	block, asset := s.neighbourhood()
	if err := s.prefs.set(func(p *preference) { p.Size = 200 }); err != nil {
		t.Fatal(err)
	}
	tab := s.opens(viewtest.Narrow)
	for _, to := range []string{"/records", "/records?form=asset", "/record/" + asset.String(), "/trash", "/drafts", "/round", "/round?block=" + block.String()} {
		tab.Go(s.at(to))
		tab.Eval(`document.querySelectorAll("details").forEach((d) => d.open = true)`, nil)
		tab.Fits(to)
		tab.Touchable(to)
	}
}

// TestSearchAsItIsTyped: the page answers while one types, in any spelling, and
// the address keeps up; a record and back lead to the same answer.
func TestSearchAsItIsTyped(t *testing.T) {
	s := newOpen(t, func(o *Options) { o.Lang = texts.Persian })
	s.neighbourhood()
	tab := s.opens(viewtest.Phone)
	tab.Click("رکوردها")
	for _, text := range []string{"ميرود", "می رود", "مي‌رود"} {
		tab.Type("جست‌وجو در نام‌ها و متن‌ها", text)
		tab.See("۱ رکورد", "استخری که آبش می‌رود")
		tab.SeeNot("چاپخانه")
		tab.Type("جست‌وجو در نام‌ها و متن‌ها", "چاپ")
		tab.See("چاپخانه")
		tab.SeeNot("استخری")
	}
	tab.Click("چاپخانه")
	tab.See("تاریخچه")
	tab.Click("بازگشت")
	tab.See("چاپخانه", "۱ رکورد")
	// With the keyboard alone: from the search to the record that was found.
	tab.Type("جست‌وجو در نام‌ها و متن‌ها", "استخر")
	tab.See("۱ رکورد", "استخری که آبش می‌رود")
	for range 10 {
		tab.Press("\t")
		if strings.Contains(tab.Focused(), "استخری") {
			tab.Press("\r")
			tab.See("تاریخچه")
			return
		}
	}
	t.Error("the keyboard does not reach what was found")
}

// TestRoundAtTheDoor walks a block with one thumb: nobody at home, a refusal, the
// next household's form, and back to the block.
func TestRoundAtTheDoor(t *testing.T) {
	s := newOpen(t, func(o *Options) { o.Lang = texts.Persian })
	s.record("block", `{"code": "B07", "households": 30}`)
	tab := s.opens(viewtest.Phone)
	tab.Click("خانوارها")
	tab.Click("B07")
	tab.See("پرسش از خانوار ۱")
	tab.Click("کسی خانه نبود")
	tab.See("دوباره سر بزنید", "پرسش از خانوار ۲")
	tab.Click("نپذیرفت")
	tab.See("پرسش از خانوار ۳", "۱ نپذیرفت")
	tab.Click("پرسش از خانوار ۳")
	tab.See("پرسشنامهٔ خانوار", "رضایت آگاهانه")
	tab.Click("بازگشت")
	tab.See("بلوک B07", "پرسش از خانوار ۳")
}
