package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	"mahalleh/schemas"
)

func hexID(id schemas.ID) string { return hex.EncodeToString(id[:]) }

// TestVersionOf: the version that a decision names follows what is decided on, and
// nothing of the record's course.
func TestVersionOf(t *testing.T) {
	form, _ := allForms(t).FormByName("advocacy_request")
	at := func(name string) uint32 {
		f, ok := form.FieldByName(name)
		if !ok {
			t.Fatal(name)
		}
		return uint32(f.ID)
	}
	all := []Standing{
		{Field: at("subject"), Version: id(1)}, {Field: at("asked"), Version: id(1)}, {Field: at("asked"), Version: id(2)},
		{Field: at("state"), Version: id(1)}, {Field: 0, Version: id(1)}, {Field: 1, Version: id(1)},
	}
	was := VersionOf(form, all)
	shuffled := append([]Standing(nil), all...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if VersionOf(form, shuffled) != was {
		t.Error("the order of the values matters")
	}
	for _, name := range []string{"state", "steering_decision_id", "sent_on", "letter_no", "answered_on", "reply_due_on"} {
		if VersionOf(form, append(all, Standing{Field: at(name), Version: id(9)})) != was {
			t.Errorf("%s is written by the course, and changed the version decided on", name)
		}
	}
	for name, s := range map[string]Standing{
		"another field":            {Field: at("need_id"), Version: id(9)},
		"a rival":                  {Field: at("subject"), Version: id(9)},
		"an element":               {Field: at("subject"), Element: []byte("x"), Version: id(1)},
		"a field of a newer form":  {Field: 900, Version: id(9)},
		"a row of a list":          {Field: at("asked"), Item: id(3), Sub: 20, Version: id(1)},
		"the same value elsewhere": {Field: at("target_org_id"), Version: id(1)},
	} {
		if VersionOf(form, append(all, s)) == was {
			t.Errorf("%s did not change the version decided on", name)
		}
	}
	changed := append([]Standing(nil), all...)
	changed[0].Version = id(7)
	if VersionOf(form, changed) == was {
		t.Error("a new version of the subject did not change the version decided on")
	}
	// The vector, put together by hand: the three values in the order of their bytes.
	bytes := []byte("mahalleh version decided on 1\n")
	for _, x := range []struct {
		field   uint32
		version schemas.ID
	}{{11, id(1)}, {15, id(1)}, {15, id(2)}} {
		bytes = append(bytes, 0, 0, 0, byte(x.field))
		bytes = append(bytes, make([]byte, 16+4+4)...) // no row, no sub-field, no element
		bytes = append(bytes, x.version[:]...)
	}
	if sum := sha256.Sum256(bytes); hexID(was) != hex.EncodeToString(sum[:16]) {
		t.Errorf("version %s, want %x", hexID(was), sum[:16])
	}
}

// TestWhatIsChangedWithAStep: content that changes together with a step fits no
// decision, not even one that names no version by zeros; the course's own fields do
// not count.
func TestWhatIsChangedWithAStep(t *testing.T) {
	pkg := allForms(t)
	form, _ := pkg.FormByName("advocacy_request")
	before := record(t, "advocacy_request", someRequest.with(fields{"state": "draft"}))
	for name, want := range map[string]bool{"asked": true, "steering_decision_id": false, "sent_on": false, "state": false} {
		after := record(t, "advocacy_request", someRequest.with(fields{"state": "draft"}).with(map[string]fields{
			"asked": {"asked": "x"}, "steering_decision_id": {"steering_decision_id": uuid(3)}, "sent_on": {"sent_on": "1404/10/26"}, "state": {"state": "approved"}}[name]))
		if got := DecidedChanged(form, before, after); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	zeros := question{form: "advocacy_request", now: someRequest.with(fields{"state": "draft"}), decides: fields{"steering_decision_id": uuid(aDecision)}, to: "approved",
		actor: []Role{Clinic}, records: decided(t, "approve_request", "steering", fields{"subject_version": "00000000000000000000000000000000"})}
	if zeros.level(t, "request.decision_stale") != Refuse {
		t.Error("a decision on nothing fits everything")
	}
}

// TestQuorum: each rule of a committee, with somebody who is no member and a seat
// that has ended.
func TestQuorum(t *testing.T) {
	pkg := allForms(t)
	seat := func(n byte, to any) fields {
		f := fields{"person_id": uuid(n), "seat": "member", "from": "1404/01/01"}
		if to != nil {
			f["to"] = to
		}
		return f
	}
	members := []fields{seat(20, nil), seat(21, nil), seat(22, nil), seat(23, nil), seat(24, "1404/02/01")}
	for _, c := range []struct {
		rule    string
		count   any
		there   []byte
		present int
		needed  int
	}{
		{"majority", nil, []byte{20, 21}, 2, 3},
		{"majority", nil, []byte{20, 21, 22}, 3, 3},
		{"two_thirds", nil, []byte{20, 21, 22}, 3, 3},
		{"all", nil, []byte{20, 21, 22, 23}, 4, 4},
		{"all", nil, []byte{20, 21, 22, 24, 90}, 3, 4},
		{"fixed", 2, []byte{20}, 1, 2},
	} {
		committee := fields{"kind": "steering", "quorum_rule": c.rule, "members": members}
		if c.count != nil {
			committee["quorum_count"] = c.count
		}
		var there []string
		for _, n := range c.there {
			there = append(there, uuid(n))
		}
		meeting := record(t, "meeting", fields{"committee_id": uuid(aCommittee), "held_on": "1404/10/20", "present_ids": there})
		present, needed := Quorum(pkg, meeting, record(t, "committee", committee))
		if present != c.present || needed != c.needed {
			t.Errorf("%s with %v: %d of %d, want %d of %d", c.rule, c.there, present, needed, c.present, c.needed)
		}
	}
}

// TestFreeze holds the content's hash to one that is put together byte by byte here.
func TestFreeze(t *testing.T) {
	a, b := Counted{id(2), id(200)}, Counted{id(1), id(100)}
	s, err := Freeze(3, "2026-1", []Counted{a, b})
	if err != nil {
		t.Fatal(err)
	}
	bytes := []byte("mahalleh content 1\n\x00\x00\x00\x00\x00\x00\x00\x02")
	for _, x := range []schemas.ID{id(1), id(100), id(2), id(200)} {
		bytes = append(bytes, x[:]...)
	}
	sum := sha256.Sum256(bytes)
	if s.Hash != hex.EncodeToString(sum[:]) || s.Number != 3 || s.Formula != "2026-1" {
		t.Errorf("%+v, want the hash %x", s, sum)
	}
	if again, err := Freeze(3, "2026-1", []Counted{b, a}); err != nil || again != s {
		t.Errorf("in another order: %+v, %v", again, err)
	}
	if other, err := Freeze(3, "2026-1", []Counted{b, {id(2), id(201)}}); err != nil || other.Hash == s.Hash {
		t.Errorf("another version has the same hash (%v)", err)
	}
	if _, err := Freeze(1, "1", []Counted{a, a}); !errors.Is(err, ErrCountedTwice) {
		t.Errorf("a record twice: %v", err)
	}
	empty, err := Freeze(1, "1", nil)
	if sum := sha256.Sum256([]byte("mahalleh content 1\n\x00\x00\x00\x00\x00\x00\x00\x00")); err != nil || empty.Hash != hex.EncodeToString(sum[:]) {
		t.Errorf("of nothing: %+v, %v", empty, err)
	}
}
