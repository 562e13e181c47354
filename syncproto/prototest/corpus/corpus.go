// Package corpus makes synthetic changes and records, as facilitators would
// write them, to train dictionaries on and to measure sizes with; nothing in
// it comes from a person.
package corpus

import (
	"encoding/binary"
	"math/rand"
	"slices"
	"strings"

	"mahalleh/syncproto"
)

// Make makes a change of its parts, as wire.NewChange does; it is handed in
// because wire's own tests use this package.
type Make func(h syncproto.Header, secret [16]byte, ops []syncproto.Op) (*syncproto.Change, error)

// Letters of the two texts that every change carries.
const (
	shortText = 20
	longText  = 60
)

// Ops is how many form fields every change works on; the operation that says
// that the record is alive comes on top.
const Ops = 6

// field is one field of a form: its number and what it holds.
type field struct {
	id   uint32
	kind kind
	list string // codes, parted by spaces
}

type kind int

const (
	text kind = iota
	long
	code
	codes
	integer
	money
	date
	yesNo
	point
	ref
)

// form is a form whose changes are made: the two texts first, then the fields
// from which four are taken.
type form struct {
	id          uint32
	compartment string
	fields      []field
}

func forms() []form {
	const (
		skill     = "craft teacher nurse builder cook musician sewing electrician plumbing repair farming livestock"
		needcat   = "livelihood education health mental_health addiction child_protection women elder disability housing infrastructure environment"
		affected  = "all women wh_hh children adolescents youth elders pwd addicts_families migrants unemployed"
		ageband   = "0-6 7-12 13-18 19-29 30-44 45-59 60-74 75+"
		activity  = "public_meeting group_talk ceremony brochure banner manager_visit training counselling home_visit collective_action festival screening"
		keyperson = "trusted educated manager active clergy council_member dehyar health_worker teacher shopkeeper donor artist_athlete"
		helptype  = "host_meeting invite_women invite_youth inform_neighbours join_team guide_walk collect_data teach mediate link_officials give_place give_tools"
		basis     = "census health_house dehyari municipality field_count estimate"
	)
	return []form{
		{12, "plain", []field{{12, text, ""}, {13, long, ""},
			{10, code, "individual association institution physical economic culture_story"},
			{11, code, "craft teacher nurse builder cook musician heyat sandogh sports_team women_group student_group"},
			{14, point, ""}, {17, code, "public private waqf community religious"}, {18, integer, ""},
			{20, code, "always scheduled by_permission unavailable"}, {25, code, "yes partly no"}, {22, ref, ""}}},
		{17, "plain", []field{{10, text, ""}, {12, long, ""},
			{11, code, needcat}, {13, codes, affected}, {14, integer, ""}, {15, code, basis},
			{23, integer, ""}, {24, integer, ""}, {26, yesNo, ""}, {27, yesNo, ""}, {22, ref, ""}}},
		{21, "plain", []field{{13, text, ""}, {23, long, ""},
			{10, code, activity}, {11, date, ""}, {12, integer, ""}, {14, point, ""}, {16, integer, ""},
			{17, integer, ""}, {18, integer, ""}, {27, money, ""}, {29, yesNo, ""}}},
		{8, "persons", []field{{10, text, ""}, {17, text, ""},
			{11, ref, ""}, {12, code, keyperson}, {13, code, "female male"}, {14, code, ageband},
			{18, integer, ""}, {21, code, "supporter neutral opponent"}, {22, codes, skill}, {23, codes, helptype}}},
		{14, "persons", []field{{41, text, ""}, {42, text, ""},
			{12, integer, ""}, {15, code, "female male"}, {16, code, ageband},
			{17, code, "head spouse child parent sibling child_in_law grandchild other_relative non_relative"},
			{18, integer, ""}, {24, codes, "salary daily_wage self_employed home_business farming pension allowance cash_subsidy"},
			{25, code, "below_quarter quarter_to_half half_to_three_quarters three_quarters_to_full above_minimum"},
			{28, code, "owned_deed owned_no_deed rented deposit service waqf free"}, {38, yesNo, ""}}},
	}
}

// writer is one facilitator's device.
type writer struct {
	r        *rand.Rand
	words    []string
	log      syncproto.LogID
	author   syncproto.PersonID
	place    syncproto.PlaceID
	clock    int64
	uptime   uint64
	boot     uint64
	grants   uint64
	ahead    int64
	known    []*known
	links    []syncproto.RecordID
	packages uint32
	// whole says that every change makes a record, with all fields of its form.
	whole bool
}

// known is a record on the writer's screen: which version wrote a field last.
type known struct {
	record   syncproto.RecordID
	form     form
	versions map[uint32]syncproto.ChangeID
	texts    map[uint32]string
	created  syncproto.ChangeID
	latest   syncproto.ChangeID
	mine     syncproto.ChangeID
}

// Changes returns n changes of one log, in order, from sequence 1. Two fifths
// create a record; the others edit one, half of those a record that stood
// in the database before the log began, a third of which were last changed by
// somebody else. The same seed and words give the same changes.
func Changes(seed int64, words []string, n int, mk Make) ([]*syncproto.Change, error) {
	w := newWriter(seed, words)
	out := make([]*syncproto.Change, 0, n)
	for i := range n {
		ch, err := w.change(uint64(i+1), mk)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

// Creates returns n changes of one log, in order, from sequence 1, each of which
// makes a record in which every field of its form is filled in.
func Creates(seed int64, words []string, n int, mk Make) ([]*syncproto.Change, error) {
	w := newWriter(seed, words)
	w.whole = true
	out := make([]*syncproto.Change, 0, n)
	for i := range n {
		ch, err := w.change(uint64(i+1), mk)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

func newWriter(seed int64, words []string) *writer {
	r := rand.New(rand.NewSource(seed))
	w := &writer{r: r, words: words, boot: uint64(3 + r.Intn(60)), grants: uint64(1 + r.Intn(9)), packages: 1}
	r.Read(w.log[:])
	r.Read(w.place[:])
	w.clock = 1_780_000_000_000 + r.Int63n(1<<34)
	w.uptime = uint64(r.Int63n(1 << 29))
	w.ahead = r.Int63n(20_000) - 10_000
	w.author = w.uuid(w.clock - 1<<33)
	for range 5 {
		w.links = append(w.links, w.uuid(w.clock-r.Int63n(1<<31)))
	}
	return w
}

// uuid returns a UUIDv7 of this time.
func (w *writer) uuid(ms int64) (id [16]byte) {
	w.r.Read(id[:])
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(ms)<<16)
	copy(id[:6], t[:6])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// pass lets time pass: mostly minutes, now and then a night and a reboot.
func (w *writer) pass() {
	step := 20_000 + w.r.Int63n(600_000)
	if w.r.Intn(12) == 0 {
		step += 14 * 3_600_000
		w.boot++
		w.ahead += w.r.Int63n(200) - 100
		w.uptime = uint64(w.r.Int63n(3_600_000))
	}
	w.clock += step
	w.uptime += uint64(step)
}

func (w *writer) change(seq uint64, mk Make) (*syncproto.Change, error) {
	w.pass()
	h := syncproto.Header{Verb: syncproto.VerbEdit, OriginLog: w.log, OriginSeq: seq, Author: w.author, Role: 1,
		Package: w.packages, Grants: w.grants, Time: w.clock, Corrected: true, Correction: w.ahead, Uptime: w.uptime, Boot: w.boot}
	var k *known
	what := w.r.Intn(10)
	if w.whole {
		what = 0
	}
	switch what {
	case 0, 1, 2, 3:
		h.Verb = syncproto.VerbCreate
		f := forms()[w.r.Intn(len(forms()))]
		// The form was opened a little before it is saved.
		k = &known{record: w.uuid(w.clock - w.r.Int63n(400_000)), form: f, versions: map[uint32]syncproto.ChangeID{}, texts: map[uint32]string{}}
	case 4, 5, 6:
		k = w.older()
	default:
		if len(w.known) == 0 {
			k = w.older()
		} else {
			k = w.known[max(0, len(w.known)-1-w.r.Intn(40))]
		}
	}
	h.Record, h.Form, h.Base, h.Parent = k.record, k.form.id, k.latest, k.mine
	h.Scope = syncproto.ScopeOf(w.place, k.form.compartment)
	var secret [16]byte
	w.r.Read(secret[:])
	ch, err := mk(h, secret, w.ops(k))
	if err != nil {
		return nil, err
	}
	for i := range ch.Ops {
		k.versions[ch.Ops[i].Field] = ch.ID
	}
	if h.Verb == syncproto.VerbCreate {
		k.created = ch.ID
		w.known = append(w.known, k)
	}
	k.latest, k.mine = ch.ID, ch.ID
	return ch, nil
}

// older returns a record that was there before the log began: made at some
// time, and, two times in five, changed once since.
func (w *writer) older() *known {
	k := &known{record: w.uuid(w.clock - w.r.Int63n(1<<31)), form: forms()[w.r.Intn(len(forms()))],
		versions: map[uint32]syncproto.ChangeID{}, texts: map[uint32]string{}}
	w.r.Read(k.created[:])
	k.latest = k.created
	later := w.r.Intn(5) < 2
	if later {
		w.r.Read(k.latest[:])
	}
	k.versions[syncproto.FieldPresence] = k.latest
	for _, f := range k.form.fields {
		k.versions[f.id] = k.created
		if later && w.r.Intn(3) == 0 {
			k.versions[f.id] = k.latest
		}
		if f.kind == long {
			k.texts[f.id] = w.text(longText / 2)
		}
	}
	if w.r.Intn(3) > 0 {
		k.mine = k.latest
	}
	w.known = append(w.known, k)
	return k
}

func (w *writer) ops(k *known) []syncproto.Op {
	pick := []field{k.form.fields[0], k.form.fields[1]}
	others := w.r.Perm(len(k.form.fields) - 2)
	if !w.whole {
		others = others[:Ops-2]
	}
	for _, i := range others {
		pick = append(pick, k.form.fields[i+2])
	}
	ops := []syncproto.Op{w.op(k, syncproto.OpSet, syncproto.FieldPresence, syncproto.Bool(true))}
	for i, f := range pick {
		ops = append(ops, w.fieldOp(k, f, i == 0))
	}
	return ops
}

func (w *writer) op(k *known, kind syncproto.OpKind, id uint32, v syncproto.Value) syncproto.Op {
	op := syncproto.Op{Kind: kind, Critical: true, Field: id, Value: v}
	if v, ok := k.versions[id]; ok {
		op.Names = []syncproto.ChangeID{v}
	}
	return op
}

func (w *writer) fieldOp(k *known, f field, short bool) syncproto.Op {
	r := w.r
	set := func(v syncproto.Value) syncproto.Op { return w.op(k, syncproto.OpSet, f.id, v) }
	choice := func() string {
		list := strings.Fields(f.list)
		return list[r.Intn(len(list))]
	}
	switch f.kind {
	case text:
		if short {
			return set(syncproto.Text(w.text(shortText)))
		}
		return set(syncproto.Text(w.text(longText)))
	case long:
		// Who edits a long text mostly goes on writing it.
		base := k.texts[f.id]
		all := []rune(base + " " + w.text(longText))[:longText]
		if base == "" {
			all = []rune(w.text(longText))
		}
		k.texts[f.id] = string(all[:longText/2])
		return w.op(k, syncproto.OpText, f.id, syncproto.LongText(string(all), base))
	case code:
		return set(syncproto.Code(choice()))
	case codes:
		return syncproto.Op{Kind: syncproto.OpSetAdd, Critical: true, Field: f.id, Value: syncproto.Code(choice())}
	case integer:
		return set(syncproto.Int(r.Int63n(200)))
	case money:
		return set(syncproto.Money(r.Int63n(5000) * 1_000_000))
	case date:
		return set(syncproto.Date(int32(w.clock/86_400_000 - r.Int63n(60))))
	case yesNo:
		return set(syncproto.Bool(r.Intn(2) == 0))
	case point:
		return set(syncproto.At(syncproto.Point{LatE7: 372_800_000 + r.Int31n(200_000), LonE7: 495_800_000 + r.Int31n(200_000), AccuracyDM: 30 + r.Uint32()%200}))
	default:
		return set(syncproto.Ref(w.links[r.Intn(len(w.links))]))
	}
}

// text returns n letters of running text.
func (w *writer) text(n int) string {
	var t []rune
	for len(t) < n {
		if len(t) > 0 {
			t = append(t, ' ')
		}
		t = append(t, []rune(w.words[w.r.Intn(len(w.words))])...)
	}
	return string(slices.Clip(t[:n]))
}
