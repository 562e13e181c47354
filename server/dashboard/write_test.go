package dashboard

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// sends is a visit of somebody by name who sends a form with these fields, as a handler
// gets it.
func (k *kit) sends(name string, fields ...string) *visit {
	k.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	v := &visit{App: k.App, w: httptest.NewRecorder(), words: k.words[texts.English],
		r: httptest.NewRequest(http.MethodPost, "http://"+host+"/somewhere", strings.NewReader(form.Encode())).WithContext(k.Context())}
	v.r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	k.must(v.readForm())
	k.must(k.store.View(k.Context(), func(r store.Reader) (err error) {
		v.who, err = access.FindPerson(r, name)
		return err
	}))
	return v
}

func (k *kit) formName() string {
	k.Helper()
	name, err := (&visit{App: k.App}).newForm()
	k.must(err)
	return name
}

func (k *kit) state(id syncproto.RecordID) *syncproto.RecordState {
	k.Helper()
	var s *syncproto.RecordState
	k.must(k.store.View(k.Context(), func(r store.Reader) error {
		row, err := r.Record(id)
		s = row.State
		return err
	}))
	return s
}

// text is what stands in a text field of a record.
func (k *kit) text(form, field string, id syncproto.RecordID) string {
	k.Helper()
	f, _ := k.forms.FormByName(form)
	x, _ := f.FieldByName(field)
	return merge.Content(f, k.state(id)).Fields[x.ID].Text()
}

// sets puts a text into a field of a record.
func sets(field, text string) func(*schemas.Form, *schemas.Record) error {
	return func(f *schemas.Form, r *schemas.Record) error {
		x, ok := f.FieldByName(field)
		if !ok {
			return errors.New("no field " + field)
		}
		r.Fields[x.ID] = schemas.TextValue(text)
		return nil
	}
}

// A page creates, edits, takes away and brings back, as the person who is signed in and
// with the reason in the history; sent twice, it is done once.
func TestAPageWritesAsItsReader(t *testing.T) {
	k := newKit(t)
	k.as(access.County, "101")
	const who = "county at 101"
	asset, _ := k.forms.FormByName("asset")
	fill := func(r *schemas.Record) error {
		for name, v := range map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"), "title_fa": schemas.TextValue("سالن")} {
			x, _ := asset.FieldByName(name)
			r.Fields[x.ID] = v
		}
		x, _ := asset.FieldByName("block_id")
		r.Fields[x.ID] = schemas.RefValue(schemas.ID{1})
		return nil
	}
	form := k.formName()
	var id syncproto.RecordID
	for range 2 {
		w, err := k.sends(who, formField, form).begin()
		k.must(err)
		id = w.create(asset, k.placeID(102), fill)
		k.must(w.do())
	}
	if n := k.state(id).Number; n != 1 {
		t.Fatalf("sent twice, the record has version %d", n)
	}
	seen := seenOf(k.state(id))
	edit := func(form, text, seen string) error {
		w, err := k.sends(who, formField, form, "text", text).begin()
		k.must(err)
		k.must(w.because("چون  شمردیم"))
		k.must(w.edit(id, seen, sets("title_fa", text)))
		return w.do()
	}
	form = k.formName()
	k.must(edit(form, "بام", seen))
	k.must(edit(form, "بام", seen))
	if err := edit(form, "حیاط", seen); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("the same form with another content: %v", err)
	}
	if got := k.text("asset", "title_fa", id); got != "بام" || k.state(id).Number != 2 {
		t.Errorf("the title is %q, version %d", got, k.state(id).Number)
	}
	for _, away := range []bool{true, false} {
		w, err := k.sends(who, formField, k.formName()).begin()
		k.must(err)
		if away {
			k.must(w.remove(id, seenOf(k.state(id))))
		} else {
			k.must(w.restore(id, seenOf(k.state(id))))
		}
		k.must(w.do())
		if merge.Alive(k.state(id)) == away {
			t.Errorf("taken away: %t, and it is %t there", away, away)
		}
	}
	k.must(k.store.View(t.Context(), func(r store.Reader) error {
		rows, err := r.History(id)
		me := k.personOf(r, who)
		for _, row := range rows {
			if row.Author != me {
				t.Errorf("%s wrote", row.Author)
			}
		}
		ch, failed := wire.DecodeChange(rows[1].Bytes)
		if reason := syncproto.ReasonOf(ch.Ops); reason != "چون شمردیم" {
			t.Errorf("the reason is %q", reason)
		}
		return errors.Join(err, failed)
	}))
	b := k.as(access.TechnicalManager, "101")
	k.shows(b.get("/record/"+id.String()), "committee&#39;s pages", who)
}

// What a form's rules, the record's state or a programme's rule do not allow is told in
// words, and nothing of it is written.
func TestWhatAPageIsToldThatItMayNot(t *testing.T) {
	k := newKit(t)
	k.as(access.County, "101")
	k.as(access.Steering, "101")
	k.as(access.Facilitator, "102")
	k.as(access.National, "ایران")
	asset := k.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue("physical"), "subtype": schemas.CodeValue("hall"), "title_fa": schemas.TextValue("سالن")})
	dossier := k.write("dossier", 102, map[string]schemas.Value{"status": schemas.CodeValue("assigned")})
	office := k.write("organisation", 102, map[string]schemas.Value{"name_fa": schemas.TextValue("دهیاری")})
	for name, c := range map[string]struct {
		who, field, text string
		id               syncproto.RecordID
		seen             string
		status           int
		says             string
	}{
		"a field left empty":        {"county at 101", "title_fa", "", asset, "", http.StatusUnprocessableEntity, "Title"},
		"a text too long":           {"county at 101", "title_fa", strings.Repeat("س", 300), asset, "", http.StatusUnprocessableEntity, "Title"},
		"a page out of date":        {"county at 101", "title_fa", "بام", asset, strings.Repeat("ab", 32), http.StatusConflict, "Nothing was written"},
		"another role's step":       {"facilitator at 102", "status", "suspended", dossier, "", http.StatusUnprocessableEntity, "provincial committee"},
		"no right to write":         {"steering at 101", "name_fa", "شورا", office, "", http.StatusNotFound, "There is no such page"},
		"sums alone":                {"national at ایران", "name_fa", "شورا", office, "", http.StatusNotFound, "There is no such page"},
		"a record that is nowhere":  {"county at 101", "name_fa", "شورا", syncproto.RecordID{77}, strings.Repeat("ab", 32), http.StatusNotFound, "There is no such page"},
		"a name that nobody showed": {"county at 101", "title_fa", "بام", asset, "zz", http.StatusBadRequest, "cannot be read"},
		"a record shown as new":     {"county at 101", "title_fa", "بام", asset, strings.Repeat("00", 32), http.StatusBadRequest, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			v := k.sends(c.who, formField, k.formName())
			w, err := v.begin()
			k.must(err)
			number := uint64(0)
			if c.seen == "" {
				c.seen = seenOf(k.state(c.id))
			}
			if c.id != (syncproto.RecordID{77}) {
				number = k.state(c.id).Number
			}
			err = w.edit(c.id, c.seen, func(f *schemas.Form, r *schemas.Record) error {
				x, _ := f.FieldByName(c.field)
				switch {
				case x.Type == schemas.TypeState:
					r.Fields[x.ID] = schemas.CodeValue(c.text)
				case c.text == "":
					delete(r.Fields, x.ID)
				default:
					r.Fields[x.ID] = schemas.TextValue(c.text)
				}
				return nil
			})
			if err == nil {
				err = w.do()
			}
			if got := statusOf(err); got != c.status {
				t.Errorf("status %d, want %d: %v", got, c.status, err)
			}
			for _, lang := range []texts.Lang{texts.English, texts.Persian} {
				v.words = k.words[lang]
				if n := v.explain(err); n.Text == "" || lang == texts.English && !strings.Contains(n.Text, c.says) {
					t.Errorf("told %q, which does not say %q", n.Text, c.says)
				}
			}
			if number > 0 && k.state(c.id).Number != number {
				t.Error("something was written")
			}
		})
	}
}

func TestAFormWithoutItsNameIsNotTaken(t *testing.T) {
	k := newKit(t)
	k.as(access.County, "101")
	for _, name := range []string{"", "x", strings.Repeat("a", 33)} {
		if _, err := k.sends("county at 101", formField, name).begin(); !errors.Is(err, errBadRequest) {
			t.Errorf("%q: %v", name, err)
		}
	}
	w, err := k.sends("county at 101", formField, k.formName()).begin()
	k.must(err)
	if err := w.because(strings.Repeat("م", maxReason+1)); !errors.Is(err, errLongReason) {
		t.Errorf("a long reason: %v", err)
	}
}
