package fieldapp

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"mahalleh/schemas"
)

// makes begins a form beside another one, from the reference that shall point to it.
func (f *shownForm) makes(form, path string) *shownForm {
	f.Helper()
	f.clock.pass(time.Second) // ids hold the time at which they were made
	a := f.sends("do", "make:"+form+":"+path)
	if a.Header.Get("Mahalleh-Go") == "" {
		f.Fatalf("no %s is begun: %s\n%s", form, a.Status, a.body)
	}
	return f.open(strings.TrimPrefix(a.Header.Get("Mahalleh-Go"), f.prefix()))
}

// shownField is a field of a record that was saved.
func (s *screen) shownField(row schemas.ID, form, field string) schemas.Value {
	s.Helper()
	r, err := s.device().Record(ctx, [16]byte(row))
	if err != nil {
		s.Fatal(err)
	}
	f, ok := r.Form.FieldByName(field)
	if !ok || r.Form.Name != form {
		s.Fatalf("%s of a %s", field, r.Form.Name)
	}
	return r.Values.Fields[f.ID]
}

// A neighbourhood asks for its facilitator and a facilitator for their
// neighbourhood: one is begun beside the other, by pages alone, and both are saved by
// one act, or neither.
func TestNeighbourhoodAndFacilitatorAreBegunTogether(t *testing.T) {
	s := newOpen(t)
	clinic := s.record("organisation", `{"name_fa": "کلینیک مهر", "kind": "sw_clinic", "province_code": "01", "county": "رشت"}`).String()
	f := s.open("/new/neighbourhood")
	s.shows(f.page, "Belongs beside this form", "make:facilitator:facilitator_ids")
	f.sets("name_fa", "پیرسرا", "setting", "urban", "settlement_type", "worn_out", "harm_prone", "no", "province_code", "01", "county", "رشت",
		"city_or_village", "رشت", "clinic_id", clinic)
	facilitator := f.makes("facilitator", "facilitator_ids")
	s.shows(facilitator.page, "Neighbourhood (in this record)", "make:person:person_id")
	facilitator.sets("role", "facilitator", "centre_id", clinic)
	person := facilitator.makes("person", "person_id")
	person.sets("full_name", "مریم رضایی", "sex", "female")
	f.shown(s.get(f.address))
	a := f.sends("do", "save")
	if a.Header.Get("Mahalleh-Go") != "" || len(s.draftsThere()) != 3 {
		t.Fatalf("something is saved while the person's consent is missing: %v", s.draftsThere())
	}
	consent := person.makes("consent", "consent_id")
	consent.sets("purposes", "contact", "text_version", "1", "given_on", "1405/08/30", "method", "signed")
	f.shown(s.get(f.address))
	if a = f.sends("do", "save"); a.Header.Get("Mahalleh-Go") == "" {
		t.Fatalf("they are not saved:\n%s", a.body)
	}
	place, she := schemas.ID(s.latest("neighbourhood")), schemas.ID(s.latest("facilitator"))
	if got := s.shownField(place, "neighbourhood", "facilitator_ids").Refs(); len(got) != 1 || got[0] != she {
		t.Errorf("the neighbourhood names %v, want %v", got, she)
	}
	if got := s.shownField(she, "facilitator", "assigned_neighbourhood_ids").Refs(); len(got) != 1 || got[0] != place {
		t.Errorf("the facilitator names %v, want %v", got, place)
	}
	// A second facilitator chooses the neighbourhood, and a second one beside a
	// neighbourhood that has one is an addition.
	f = s.open("/new/facilitator")
	if strings.Contains(f.page, "make:neighbourhood") {
		t.Error("a second neighbourhood is offered")
	}
	f = s.open("/edit/" + s.latest("neighbourhood").String())
	other := f.makes("facilitator", "facilitator_ids")
	f.shown(s.get(f.address))
	if got := strings.Fields(f.was["facilitator_ids"]); len(got) != 2 {
		t.Errorf("the neighbourhood names %v, want two", got)
	}
	// Thrown away again, and the first one stays.
	other.sets("do", "discard")
	f.shown(s.get(f.address))
	if got := strings.Fields(f.was["facilitator_ids"]); len(got) != 1 {
		t.Errorf("the neighbourhood names %v, want one", got)
	}
}

// A facilitator who comes first offers the neighbourhood.
func TestAFacilitatorMayComeFirst(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/facilitator")
	place := f.makes("neighbourhood", "assigned_neighbourhood_ids")
	s.shows(place.page, "Facilitator (in this record)", "Back to Facilitator")
	s.shows(s.get(f.address), "Neighbourhood (in this record)")
}

// What a committee decided is begun from what it decided on.
func TestADecisionIsBegunFromItsSubject(t *testing.T) {
	s := newOpen(t)
	f := s.open("/new/prioritisation_round")
	decision := f.makes("decision", "approved_by_decision_id")
	s.shows(decision.page, "Prioritisation round (in this record)")
	if strings.Contains(decision.page, `value="make:asset:subject_ref"`) {
		t.Error("new records of a dozen forms are offered as what was decided on")
	}
}

// Above the list of one form a record of that form is begun, and what the list is
// narrowed to is filled in.
func TestNewRecordAboveAList(t *testing.T) {
	s := newOpen(t)
	block := s.record("block", `{"code": "B01"}`).String()
	s.shows(s.get("/records"), `href="`+s.prefix()+`/new"`, "New record")
	s.shows(s.get("/records?form=asset"), s.prefix()+"/new/asset?then=%2Frecords%3Fform%3Dasset", "New Asset")
	s.shows(s.get("/records?form=household_response"), `href="`+s.prefix()+`/round"`)
	a := s.ask(http.MethodGet, "/records?form=asset&of="+block, nil)
	s.shows(a.body, "block_id="+block)
	f := s.open("/new/asset?then=%2Frecords%3Fform%3Dasset&block_id=" + block)
	if f.was["block_id"] != block {
		t.Errorf("the block is %q", f.was["block_id"])
	}
	f.sets("category", "physical", "subtype", "hall", "title_fa", "سالن")
	if a := f.sends("do", "save"); a.Header.Get("Mahalleh-Go") != s.prefix()+"/records?form=asset" {
		t.Errorf("it leads to %q", a.Header.Get("Mahalleh-Go"))
	}
}
