package dashboard

import (
	"strings"
	"testing"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
)

func words(t *testing.T, k *kit, lang texts.Lang) *visit {
	t.Helper()
	w, err := formview.NewWords(lang)
	if err != nil {
		t.Fatal(err)
	}
	return &visit{App: k.App, words: w}
}

// TestPlanRunsAsTheLanguageReads: in Persian the first item of a plan stands at the
// right, and what is done of it begins there.
func TestPlanRunsAsTheLanguageReads(t *testing.T) {
	k := newKit(t)
	first := jalali.Day(20_000)
	items := []indicators.Item{
		{Record: indicators.ID{2}, Start: first + 50, Due: first + 99, Progress: 100},
		{Record: indicators.ID{1}, Start: first, Due: first + 49, Progress: 50},
		{Record: indicators.ID{3}, Code: "no days"},
		{Record: indicators.ID{4}, Start: first, Due: first + 90_000},
	}
	titles := map[indicators.ID]string{{1}: "نخست", {2}: "دوم"}
	fa, en := words(t, k, texts.Persian).gantt(items, titles, first+60), words(t, k, texts.English).gantt(items, titles, first+60)
	if len(fa.Bars) != 2 || fa.Bars[0].Name != "نخست" {
		t.Fatalf("bars are %+v", fa.Bars)
	}
	if x := fa.Bars[0]; x.X != 500 || x.Width != 500 || x.DoneX(true) != 750 || x.Done != 250 || !x.Late {
		t.Errorf("in Persian the first is %+v", x)
	}
	if x := en.Bars[0]; x.X != 0 || x.DoneX(false) != 0 {
		t.Errorf("in English the first is %+v", x)
	}
	if !fa.HasToday || fa.Today != 400 || en.Today != 600 || fa.Bars[1].Late {
		t.Errorf("today is at %d and %d", fa.Today, en.Today)
	}
	if words(t, k, texts.Persian).gantt(nil, nil, first) != nil {
		t.Error("a plan of nothing was drawn")
	}
}

// TestSpider: the latest round is drawn, with the one before it.
func TestSpider(t *testing.T) {
	k := newKit(t)
	list, _ := k.forms.List("CAPDOMAIN")
	scores := func(n int64) map[string]int64 {
		all := map[string]int64{}
		for _, item := range list.Items[:4] {
			all[item.Code] = n
		}
		return all
	}
	v := words(t, k, texts.English)
	for name, rounds := range map[string][]indicators.CapacityRound{
		"in order": {{Instrument: "a", Round: 1, Scores: scores(1)}, {Instrument: "a", Round: 2, Scores: scores(2)}, {Instrument: "a", Round: 3, Scores: scores(5)}},
		"not so":   {{Instrument: "a", Round: 3, Scores: scores(5)}, {Instrument: "a", Round: 1, Scores: scores(1)}, {Instrument: "a", Round: 2, Scores: scores(2)}},
	} {
		s := v.spider(rounds)
		if s == nil || s.Round != "3" || s.BeforeRound != "2" || s.Rows[0].Now != "5" || s.Rows[0].Before != "2" || len(s.Rays) != 4 || len(s.Rings) != topScore {
			t.Errorf("%s: %+v", name, s)
			continue
		}
		if s.Now != s.Rings[topScore-1] || !strings.HasPrefix(s.Now, "200.0,70.0 ") {
			t.Errorf("%s: the outline is %s", name, s.Now)
		}
	}
	if v.spider(nil) != nil {
		t.Error("nothing was drawn as a spider")
	}
}
