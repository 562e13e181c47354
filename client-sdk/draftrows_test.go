package clientsdk

import (
	"errors"
	"testing"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// services are the rows of a household's answers that tests fill in.
const services = "services_problem"

// What is typed into rows, readable or not, is kept with the draft, and follows
// its row where that goes.
func TestRowsOfADraft(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("household_response", `{"household_no": 4, "consent": true}`)
	at := func(row int, field string) Spot { return Spot{List: services, Row: row, Field: field} }
	for row, service := range []string{"sewage", "water", ""} {
		if n, err := draft.AddRow(services); err != nil || n != row {
			t.Fatalf("the new row is %d, %v; want %d", n, err, row)
		}
		if service == "" {
			continue // an empty row stands too
		}
		if err := draft.SetTyped(at(row, "service"), service); err != nil {
			t.Fatal(err)
		}
	}
	if err := draft.SetTyped(at(1, "severity"), "زیاد"); !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	if err := draft.SetTyped(at(0, "severity"), "۳"); err != nil {
		t.Fatal(err)
	}
	look := func(draft *Draft, want ...string) {
		t.Helper()
		rows := draft.Values().Fields[fieldID(t, draft, services)].Items()
		if len(rows) != len(want) {
			t.Fatalf("there are %d rows, want %d", len(rows), len(want))
		}
		for row, service := range want {
			v, _ := draft.Spot(at(row, "service"))
			severity, typed := draft.Spot(at(row, "severity"))
			if v.Code() != service || (typed != "") != (service == "water") || (severity.Int() == 3) != (service == "sewage") {
				t.Errorf("row %d holds %q, severity %d, typed %q", row, v.Code(), severity.Int(), typed)
			}
		}
		told := 0
		for _, p := range draft.Problems() {
			if p.Rule == schemas.RuleType {
				told = p.Row
			}
		}
		if told == 0 || want[told-1] != "water" {
			t.Errorf("row %d is told to be unreadable", told)
		}
	}
	again := func() *Draft {
		t.Helper()
		if err := draft.Autosave(ctx); err != nil {
			t.Fatal(err)
		}
		d.restart()
		opened, err := d.OpenDraft(ctx, draft.ID())
		if err != nil {
			t.Fatal(err)
		}
		return opened
	}
	look(draft, "sewage", "water", "")
	draft = again()
	look(draft, "sewage", "water", "")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(draft.MoveRow(services, 1, 0))
	look(draft, "water", "sewage", "")
	must(draft.MoveRow(services, 0, 2))
	look(draft, "sewage", "", "water")
	must(draft.DropRow(services, 1))
	look(draft, "sewage", "water")
	dropped := draft.Values().Fields[fieldID(t, draft, services)].Items()[0]
	must(draft.DropRow(services, 0))
	look(draft, "water")
	must(draft.PutRow(services, 0, dropped))
	look(draft, "sewage", "water")
	draft = again()
	look(draft, "sewage", "water")
	// What is typed again takes the place of what could not be read.
	must(draft.SetTyped(at(1, "severity"), "5"))
	if v, typed := draft.Spot(at(1, "severity")); v.Int() != 5 || typed != "" {
		t.Errorf("severity is %d, typed %q", v.Int(), typed)
	}
	for _, wrong := range []Spot{at(2, "service"), at(-1, "service"), at(0, "nothing"), {Field: "nothing"}, {List: "block_id", Field: "x"}} {
		if err := draft.SetTyped(wrong, "1"); !errors.Is(err, ErrUnknownField) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func fieldID(t *testing.T, draft *Draft, name string) schemas.FieldID {
	t.Helper()
	f, ok := draft.Form().FieldByName(name)
	if !ok {
		t.Fatalf("there is no field %s", name)
	}
	return f.ID
}

// On a screen money is typed in toman.
func TestTypedMoneyIsToman(t *testing.T) {
	d := newDevice(t)
	draft := d.begin("action_plan", `{}`)
	for text, rial := range map[string]int64{"۲۲ میلیون": 220_000_000, "1500": 15_000, "۵۰۰ هزار ریال": 500_000} {
		if err := draft.SetTyped(Spot{Field: "budget_rial"}, text); err != nil {
			t.Fatal(err)
		}
		if v, _ := draft.Value("budget_rial"); v.Int() != rial {
			t.Errorf("%q is %d rial, want %d", text, v.Int(), rial)
		}
	}
}

// Drafts that belong together are known by their group after a crash, and saved in
// one commit.
func TestJoinedDrafts(t *testing.T) {
	d := newDevice(t)
	person := d.begin("person", `{"full_name": "مریم احمدی", "sex": "female", "birth_year": 1360}`)
	consent := d.begin("consent", `{}`)
	if err := consent.Join(person); err != nil {
		t.Fatal(err)
	}
	if consent.Group() != person.Group() || consent.Group() == (syncproto.GroupID{}) {
		t.Fatalf("the groups are %v and %v", consent.Group(), person.Group())
	}
	for _, draft := range []*Draft{person, consent} {
		if err := draft.Autosave(ctx); err != nil {
			t.Fatal(err)
		}
	}
	d.restart()
	all, err := d.Drafts(ctx)
	if err != nil || len(all) != 2 || all[0].Group != person.Group() || all[1].Group != person.Group() {
		t.Fatalf("the drafts are %+v, %v", all, err)
	}
	again, err := d.OpenDraft(ctx, consent.ID())
	if err != nil || again.Group() != person.Group() {
		t.Fatalf("the group is lost: %v, %v", again.Group(), err)
	}
	if err := again.Discard(ctx); err != nil {
		t.Fatal(err)
	}
	if err := again.Join(person); !errors.Is(err, ErrDraftOver) {
		t.Errorf("joining a discarded draft: %v", err)
	}
}
