package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/server/store"
)

// TestMinutesAreSigned: who was present signs the minutes as the page showed them, each by
// an account of theirs or on paper; a later text is not signed by it, and the pack says so.
func TestMinutesAreSigned(t *testing.T) {
	s := newSitting(t, "submitted")
	b := s.as(access.Province, "11")
	s.meet(b, 0, 1)
	to := "/meeting/" + s.meeting.String()
	s.hides(b.get(to), "Record the signatures") // there is nothing to sign
	write := func(text string) {
		t.Helper()
		page := b.get(to)
		if a := b.post(to+"/minutes", "form", hiddenValue(page, "form"), "seen", hiddenValue(page, "seen"), "minutes", text); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
	}
	sign := func(page string, more ...string) answer {
		t.Helper()
		_, rest, _ := strings.Cut(page, to+"/sign")
		return b.post(to+"/sign", append([]string{"form", hiddenValue(rest, "form"), "seen", hiddenValue(rest, "seen"), "signed_on", "۱۴۰۴/۱۱/۲۷"}, more...)...)
	}
	write("دو شناسنامه تأیید شد.")
	s.must(s.store.Update(t.Context(), func(tx store.Tx) error {
		who := s.personOf(tx, "province at 11")
		return tx.PutMeta("access.links", append(who[:], s.people[0][:]...))
	}))
	page := b.get(to)
	s.shows(page, "that is you")
	for name, x := range map[string]struct {
		fields []string
		want   int
	}{
		"nobody":         {nil, http.StatusUnprocessableEntity},
		"who was absent": {[]string{"signed", s.people[2].String()}, http.StatusBadRequest},
		"no id":          {[]string{"signed", "x"}, http.StatusBadRequest},
	} {
		if a := sign(page, x.fields...); a.StatusCode != x.want {
			t.Errorf("%s: %s\n%s", name, a.Status, a.body)
		}
	}
	for range 2 {
		if a := sign(page, "signed", s.people[0].String(), "signed", s.people[1].String()); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s\n%s", a.Status, a.body)
		}
	}
	rows := s.read(meetingForm, s.meeting).rows("signatures")
	if len(rows) != 2 || rows[0]["hash"].Text() != hashOfMinutes("دو شناسنامه تأیید شد.") || rows[0]["on"].IsEmpty() {
		t.Fatalf("signatures: %+v", rows)
	}
	own := map[schemas.ID]string{}
	for _, row := range rows {
		own[row["member"].Ref()] = row["device"].Text()
	}
	if own[schemas.ID(s.people[0])] != ownSignature || own[schemas.ID(s.people[1])] != "" {
		t.Errorf("who signed themselves: %v", own)
	}
	s.shows(b.get(to), "signed on the pages on", "signed on 27 Bahman")
	s.shows(b.get(to+"/pack"), "signed on the pages on")
	write("سه شناسنامه تأیید شد.")
	s.shows(b.get(to), "signed an earlier text", "Record the signatures")
	// The page that showed the first text signs nothing of the second.
	if a := sign(page, "signed", s.people[1].String()); a.StatusCode != http.StatusConflict {
		t.Errorf("signed unseen: %s", a.Status)
	}
	if a := sign(b.get(to), "signed", s.people[1].String()); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if rows := s.read(meetingForm, s.meeting).rows("signatures"); len(rows) != 2 {
		t.Errorf("%d signatures", len(rows))
	}
	other := s.as(access.TechnicalManager, "102")
	if a := other.post(to+"/sign", "form", s.formName(), "seen", seenOf(s.state(s.meeting)), "signed", s.people[1].String(), "signed_on", "۱۴۰۴/۱۱/۲۷"); a.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else: %s", a.Status)
	}
}
