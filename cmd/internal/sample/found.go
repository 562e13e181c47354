package sample

import (
	"fmt"
	"math"
	"time"

	"mahalleh/schemas/persian"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// county is a county of the province, and the office that works there.
type county struct {
	place  store.Place
	n      int
	office *device
}

// A county has about so many neighbourhoods, a province at most so many counties.
const (
	hoodsPerCounty = 27
	mostCounties   = 16
)

// found makes places, people, rights and devices, and plans all that happens.
func (w *world) found() error {
	if err := w.places(); err != nil {
		return err
	}
	due, err := w.o.Start.AddMonths(1)
	if err != nil {
		return err
	}
	w.due = due.EpochDay()
	w.destine()
	if err := w.staff(); err != nil {
		return err
	}
	for _, h := range w.hoods {
		if err := h.staff(); err != nil {
			return fmt.Errorf("the people of %s: %w", h.name, err)
		}
		h.planMonths()
	}
	w.server.Hub().AccessChanged()
	w.planOffice()
	w.loseTwo()
	return nil
}

// places adds the counties and neighbourhoods to the province.
func (w *world) places() error {
	number := 0
	if _, err := fmt.Sscanf(w.o.Province, "%02d", &number); err != nil || len(w.o.Province) != 2 || capitals[w.o.Province] == [2]int32{} {
		return fmt.Errorf("%w: %q", ErrProvince, w.o.Province)
	}
	err := w.o.Store.View(w.ctx, func(r store.Reader) (err error) {
		w.province, err = r.PlaceByNumber(uint32(10 + number))
		return err
	})
	if err != nil {
		return err
	}
	n := min(max(1, (w.o.Neighbourhoods+hoodsPerCounty-1)/hoodsPerCounty), mostCounties)
	for i := range n {
		c := &county{n: i}
		w.counties = append(w.counties, c)
		c.place, err = w.server.Admin().AddPlace(w.ctx, access.NewPlace{Kind: store.PlaceCounty, Parent: fmt.Sprint(w.province.Number),
			NameFa: "شهرستان " + countyNames[i]})
		if err != nil {
			return err
		}
	}
	return nil
}

// destine deals out the fates, as many of each as there should be, and makes the
// neighbourhoods.
func (w *world) destine() {
	dealt := make([]fate, 0, w.o.Neighbourhoods)
	given, total := 0, 0
	for f, of := range fates {
		total += of
		for upTo := int(math.Round(float64(w.o.Neighbourhoods*total) / 100)); given < upTo; given++ {
			dealt = append(dealt, fate(f))
		}
	}
	order := newDie(w.o.Seed, 0).Perm(len(dealt))
	for n := range w.o.Neighbourhoods {
		w.hoods = append(w.hoods, w.makeHood(n, w.counties[n%len(w.counties)], dealt[order[n]]))
	}
}

// staff enrols the three who work in the neighbourhood.
func (h *hood) staff() (err error) {
	admin := h.w.server.Admin()
	h.place, err = admin.AddPlace(h.w.ctx, access.NewPlace{Kind: store.PlaceNeighbourhood, Parent: fmt.Sprint(h.county.place.Number), NameFa: h.name})
	if err != nil {
		return err
	}
	for i := range h.crew {
		sex := "female"
		if h.rng.IntN(3) == 0 {
			sex = "male"
		}
		d := h.w.newDevice(personName(h.rng, sex), uint64(10+i), uint64(h.n))
		h.crew[i] = d
		x := &worker{device: d, hood: h, role: role(i), sex: sex, gap: 2 + h.rng.IntN(3), opened: map[recordID]*syncproto.RecordState{}}
		h.team[i] = x
		as := access.Facilitator
		if x.role == manager {
			as = access.TechnicalManager
		}
		if err := d.hire(h.place, as); err != nil {
			return err
		}
		switch {
		case h.fate == silent:
			x.quiet = moment(h.w.start+3, 0, 0) + int64(h.rng.IntN(11))*day
		case h.fate == idle:
			x.quiet = moment(h.w.start+1, 0, 0)
		case x.role == holder && h.rng.IntN(9) == 0:
			x.quiet = moment(h.w.start+5, 0, 0) + int64(h.rng.IntN(14))*day
		}
	}
	return nil
}

// hire makes the device's owner a person who plays a role at a place, and enrols
// the device with a code, as an operator does.
func (d *device) hire(place store.Place, roles ...access.Role) error {
	admin := d.w.server.Admin()
	who, err := admin.AddPerson(d.w.ctx, d.name)
	if err != nil {
		return err
	}
	d.person = who.ID
	d.w.made.People++
	for _, r := range roles {
		g, _, err := admin.Grant(d.w.ctx, who.ID.String(), string(r), fmt.Sprint(place.Number))
		if err != nil {
			return err
		}
		d.grants, d.rank = g.Serial, max(d.rank, ranks[r])
	}
	code, err := admin.MakeCode(d.w.ctx, who.ID.String(), fmt.Sprint(place.Number), 30*24*time.Hour)
	if err != nil {
		return err
	}
	now := d.w.clock.read()
	return d.w.o.Store.Update(d.w.ctx, func(tx store.Tx) error { return d.enrol(tx, &code.Code, common(d.rng, models), now) })
}

// ranks are those of the roles that are played here; the server refuses a change
// that claims more.
var ranks = map[access.Role]uint8{access.Facilitator: 10, access.TechnicalManager: 20, access.County: 30, access.Province: 40}

// models are what phones call themselves.
var models = []string{"گوشی مرکز", "گوشی شخصی", "Android 10", "Android 12", "تبلت مرکز", "Android 9"}

// loseTwo has two phones lost in the first month: the operator ends their access.
func (w *world) loseTwo() {
	left := 2
	for _, h := range w.hoods {
		x := h.team[holder]
		if left == 0 || x.quiet != 0 || h.fate != early && h.fate != onDue {
			continue
		}
		after := 13 + 6*(2-left)
		left--
		x.quiet = moment(w.start, 0, 0) + int64(after)*day
		w.plan(moment(w.start+1, 9, 30)+int64(after)*day, func(at int64) error {
			if err := w.touch(); err != nil {
				return err
			}
			x.lost = true
			_, err := w.server.Admin().RevokeDevice(w.ctx, x.cert.Device().String(), true, lostWhy[after%len(lostWhy)])
			w.server.Hub().AccessChanged()
			return err
		})
	}
}

var lostWhy = []string{"گوشی در بازار گم شد؛ تسهیلگر همان روز خبر داد.", "گوشی در مینی‌بوس جا ماند و پیدا نشد."}

// somebody records a person with consent; their id.
func (d *device) somebody(t int64, place syncproto.PlaceID, name, sex string, born int, purposes ...string) (person, consent recordID) {
	person, consent = d.newRecord(t), d.newRecord(t)
	d.createAs(consent, t, place, "consent", fields{"person_id": person, "purposes": purposes, "text_version": "۱۴۰۴-۲", "given_on": today(t),
		"method": []string{"signed", "oral_witnessed", "fingerprint"}[weigh(d.rng, 70, 24, 6)]})
	d.createAs(person, t, place, "person", fields{"full_name": d.hand.write(d.rng, name), "sex": sex, "birth_year": born, "consent_id": consent,
		"national_id": maybe(d.rng, 55, nationalID(d.rng)), "phone": maybe(d.rng, 80, phone(d.rng))})
	return person, consent
}

// born is the year of birth of somebody grown up, few of them old.
func born(d *device) int {
	age := 19 + int(math.Abs(d.rng.NormFloat64())*17)
	return 1404 - min(age, 84)
}

// written is a number in a name or text.
func written(n int) string { return persian.ToPersianDigits(fmt.Sprint(n)) }
