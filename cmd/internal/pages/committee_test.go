package pages

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/demo"
	"mahalleh/schemas"
	"mahalleh/schemas/formview/viewtest"
	"mahalleh/server/access"
	"mahalleh/syncproto"
)

// fixed is a clock of a device that stands where the office's does.
type fixed struct{ ms int64 }

func (f fixed) Now() time.Time        { return time.UnixMilli(f.ms) }
func (f fixed) Uptime() time.Duration { return 0 }

// enrolled is the folder of a phone of a facilitator of the neighbourhood, and what
// its client lives on.
func (o *office) enrolled(name string, place uint32) (dir string, opt clientsdk.Options) {
	o.Helper()
	_, _, err := o.server.Admin().AddWith(o.Context(), name, string(access.Facilitator), fmt.Sprint(place))
	o.must(err)
	code, err := o.server.Admin().MakeCode(o.Context(), name, fmt.Sprint(place), time.Hour)
	o.must(err)
	dir = filepath.Join(o.TempDir(), "phone")
	opt = clientsdk.Options{Clock: fixed{o.now}, Rand: rand.Reader, Addresses: []string{strings.TrimPrefix(o.at, "http://")}, App: "test", Device: "phone"}
	c, err := clientsdk.Enrol(o.Context(), dir, code.Code.String(), clientsdk.Credentials{Passphrase: phrase}, opt)
	o.must(err)
	o.must(c.Close())
	return dir, opt
}

// phrase opens the phones.
const phrase = "راه دراز است"

// facilitator is a phone of a facilitator of the neighbourhood, which has synced.
func (o *office) facilitator(place uint32) *clientsdk.Client {
	o.Helper()
	dir, opt := o.enrolled(fmt.Sprintf("تسهیلگر آزمون %d", place), place)
	c, err := clientsdk.Open(o.Context(), dir, opt)
	o.must(err)
	o.Cleanup(func() { o.must(c.Close()) })
	o.must(c.Unlock(o.Context(), clientsdk.Credentials{Passphrase: phrase}))
	_, err = c.Sync(o.Context(), nil)
	o.must(err)
	return c
}

// committeeDecides records a meeting and, in it, decides on a dossier: in Persian it is
// approved, in English returned. A facilitator's phone learns of it by its next sync.
func (o *office) committeeDecides(tab *viewtest.Tab, place uint32, english bool) {
	o.Helper()
	dossier, err := demo.BringForward(o.Context(), o.server.Hub(), place)
	o.must(err)
	phone := o.facilitator(place)
	_, err = o.report.CatchUp(o.Context())
	o.must(err)
	o.pages.Moved()
	say := func(fa, en string) string { return map[bool]string{false: fa, true: en}[english] }
	look := func(name string) {
		o.Helper()
		tab.Check(name)
		tab.Shot(name)
	}
	tab.Go(o.at + "/meetings")
	tab.See(say("شناسنامه‌های در انتظار تصمیم", "Dossiers that wait for a decision"))
	look("meetings")
	tab.Click(say("ثبت جلسه", "Record a meeting"))
	tab.Type(say("محل برگزاری", "Where"), "سالن جلسه‌ها")
	tab.Type(say("دستور جلسه، هر سطر یک موضوع", "Agenda, one item a line"), "شناسنامه‌های رسیده")
	tab.Eval(`[...document.querySelectorAll("input[name=present]")].slice(0, 6).forEach((b) => b.click())`, nil)
	look("meeting-new")
	tab.Click(say("ثبت جلسه", "Record the meeting"))
	tab.See(say("هنوز تصمیمی ثبت نشده است.", "Nothing was decided yet."))
	look("meeting")
	meeting := tab.String("location.pathname")
	tab.ClickAt(fmt.Sprintf(`a[href^="/decide/%s"]`, dossier))
	tab.See(say("چه تصمیمی گرفته شد؟", "What was decided?"))
	tab.Eval(`[...document.querySelectorAll("select[name^='vote.']")].forEach((s) => { s.value = "for"; })`, nil)
	look("decide")
	if english {
		tab.ClickAt(`input[value="return"]`)
		tab.ClickAt("details.card > summary")
		tab.Type("What must be mended? Assets", "نشانی این دارایی کامل نیست.")
		tab.Eval(`document.querySelector("select[name='record.assets']").selectedIndex = 1; document.querySelector("select[name='question.assets']").value = "address"; 0`, nil)
	} else {
		tab.ClickAt(`input[value="approve"]`)
	}
	tab.Click(say("ثبت تصمیم", "Record the decision"))
	tab.See(say("تثبیت شد", "travel to the facilitators"))
	tab.SeeNot(say("یکی را برگزینید تا در این جلسه", "Choose one to decide on it")) // nothing waits any more, whatever the report knows
	look("meeting-decided")
	tab.Go(o.at + meeting)
	tab.ClickAt(`a[href^="/allocate/"]`)
	tab.See(say("چه مبلغی تخصیص می‌یابد؟", "How much is allocated?"))
	tab.ClickAt(`input[value="allocate"]`)
	tab.Type(say("مبلغ", "Amount"), say("۲۵۰۰۰۰۰۰", "26000000"))
	tab.Eval(`[...document.querySelectorAll("select[name^='vote.']")].forEach((s) => { s.value = "for"; })`, nil)
	look("allocate")
	tab.Click(say("ثبت تصمیم", "Record the decision"))
	tab.See(say("اعتبار تخصیص یافت", "The credit is allocated"))
	if english {
		tab.ClickAt(`a[href^="/renew/"]`)
		tab.See("The new agreement")
		look("renew")
	}
	tab.Go(o.at + meeting)
	tab.Type(say("صورت‌جلسه", "Minutes"), "شناسنامه تأیید شد.")
	tab.Click(say("ذخیرهٔ صورت‌جلسه", "Save the minutes"))
	tab.See(say("چه کسانی امضا کردند؟", "Who signed?"))
	tab.Eval(`[...document.querySelectorAll("input[name=signed]")].slice(0, 5).forEach((b) => b.click())`, nil)
	look("meeting-sign")
	tab.Click(say("ثبت امضاها", "Record the signatures"))
	tab.See(say("امضاها ثبت شد", "The signatures are recorded"))
	tab.Go(o.at + meeting + "/pack")
	look("pack")

	_, err = phone.Sync(o.Context(), nil)
	o.must(err)
	r, err := phone.Record(o.Context(), dossier)
	o.must(err)
	field := func(name string) schemas.Value {
		f, _ := r.Form.FieldByName(name)
		return r.Values.Fields[f.ID]
	}
	if english {
		rows := field("returned").Items()
		if got := field("status").Code(); got != "returned" || len(rows) == 0 {
			o.Errorf("on the phone the dossier is %s with %d returned sections", got, len(rows))
			return
		}
		list, _ := r.Form.FieldByName("returned")
		for _, f := range list.Fields {
			if x := rows[len(rows)-1].Fields[f.ID]; (f.Name == "record_id" || f.Name == "field") && x.IsEmpty() {
				o.Errorf("on the phone %s is empty", f.Name)
			}
		}
		return
	}
	s, err := phone.Snapshot(o.Context(), dossier, "fa")
	o.must(err)
	if got := field("status").Code(); got != "approved" || !s.Agrees() || s.Counted == 0 {
		o.Errorf("on the phone the dossier is %s, what was approved agrees: %t over %d records (%+v)", got, s.Agrees(), s.Counted, s)
	}
	decision, err := phone.Record(o.Context(), syncproto.RecordID(field("approved_by_decision_id").Ref()))
	o.must(err)
	if decision.Form.Name != "decision" {
		o.Errorf("the phone holds a %s for the decision", decision.Form.Name)
	}
}
