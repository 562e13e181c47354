package dashboard

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) devicesRoutes() []route {
	return []route{
		{pattern: "GET /devices", handle: (*visit).getDevices},
		{pattern: "GET /device/{id}", handle: (*visit).getDevice},
		{pattern: "POST /device/{id}/revoke", handle: (*visit).revokeDevice},
	}
}

// deviceRow is a device as the list and its own page show it.
type deviceRow struct {
	ID, Short, Name, Owner, OwnerID string
	App                             string
	Enrolled, Seen, Oldest          time.Time
	Ago                             string
	// Waits is how many changes it last said to have unsent, Received how many of
	// it are here, Unsafe how many of these are in no backup yet.
	Waits, Received, Unsafe uint64
	// Clock says how far its clock is off, "" if it is right enough.
	Clock string
	State string
	// Class marks what asks for somebody: "bad" or "warn".
	Class   string
	Revoked bool
	Lost    bool
}

const deviceFamily texts.Family = "office_people.state"

// silentAfter is from when on a device that does not come is marked; the figure of
// silent devices asks besides whether its neighbourhood is being worked on.
const silentAfter = 14 * 24 * time.Hour

func (v *visit) deviceRow(r store.Reader, x store.Device) (deviceRow, error) {
	f, err := access.Facts(r, x)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return deviceRow{}, err
	}
	d := deviceRow{ID: x.ID.String(), Short: x.ID.String()[:8], Name: x.Name, Owner: f.Owner.Name, OwnerID: f.Owner.ID.String(), App: x.App,
		Enrolled: time.UnixMilli(x.Enrolled), Seen: time.UnixMilli(x.LastSeen), Waits: x.Queue, Received: f.Received, Unsafe: f.Received - f.BackupSafe, Revoked: x.Revoked != 0, Lost: x.Lost}
	age := time.UnixMilli(v.now()).Sub(d.Seen)
	if x.LastSeen != 0 {
		d.Ago = v.words.Ago(age)
	}
	if x.Queue > 0 {
		d.Oldest = time.UnixMilli(x.OldestQueued)
	}
	state := "good"
	switch {
	case x.Lost:
		state, d.Class = "lost", "bad"
	case x.Revoked != 0:
		state = "revoked"
	case age > silentAfter:
		state, d.Class = "silent", "bad"
	case f.ClockWrong():
		state, d.Class = "clock", "warn"
	case x.Queue > 0:
		state, d.Class = "waits", "warn"
	}
	if f.ClockWrong() {
		span := time.Duration(x.ClockAhead) * time.Millisecond
		key := texts.Key("office_people.clock_ahead")
		if span < 0 {
			key = "office_people.clock_behind"
		}
		d.Clock = v.say(key, texts.Args{"span": v.words.Span(span)})
	}
	d.State = v.words.Catalogue().Member(deviceFamily, state, nil)
	return d, nil
}

type devicesData struct {
	Find string
	Rows []deviceRow
	Cut  int
}

// rankOf orders devices by what asks for somebody.
var rankOf = map[string]int{"bad": 0, "warn": 1, "": 2}

func (v *visit) getDevices() error {
	d := devicesData{Find: v.value("q")}
	err := v.tended(func(r store.Reader, s *access.Steward) error {
		d.Rows, d.Cut = nil, 0
		all, err := access.Devices(r)
		if err != nil {
			return err
		}
		folded := persian.Fold(d.Find)
		for _, x := range all {
			ok, err := s.ManagesDevice(r, x.ID)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			row, err := v.deviceRow(r, x)
			if err != nil {
				return err
			}
			if strings.Contains(persian.Fold(row.Name+" "+row.Owner+" "+row.ID), folded) {
				d.Rows = append(d.Rows, row)
			}
		}
		// What asks for somebody first, then who was silent longest; those that are
		// over come last.
		slices.SortStableFunc(d.Rows, func(a, b deviceRow) int {
			over := func(x deviceRow) int {
				if x.Revoked {
					return 1
				}
				return 0
			}
			if n := over(a) - over(b); n != 0 {
				return n
			}
			if n := rankOf[a.Class] - rankOf[b.Class]; n != 0 {
				return n
			}
			return a.Seen.Compare(b.Seen)
		})
		if len(d.Rows) > mostPeople {
			d.Cut = len(d.Rows) - mostPeople
			d.Rows = d.Rows[:mostPeople]
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := v.page("devices", v.say("office_people.devices", nil))
	p.Back, p.Data, p.Live = "/people", d, false
	return v.render(p)
}

func (v *visit) getDevice() error {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return store.ErrNotFound
	}
	var d deviceRow
	err = v.tended(func(r store.Reader, s *access.Steward) error {
		x, err := r.Device(syncproto.DeviceID(id))
		if err != nil {
			return err
		}
		if ok, err := s.ManagesDevice(r, x.ID); err != nil || !ok {
			return errors.Join(err, store.ErrNotFound)
		}
		d, err = v.deviceRow(r, x)
		return err
	})
	if err != nil {
		return err
	}
	p := v.page("device", v.say("office_people.device", texts.Args{"name": d.Name, "owner": d.Owner}))
	p.Back, p.Data, p.Live = "/devices", d, false
	return v.render(p)
}

func (v *visit) revokeDevice() error {
	lost := v.value("lost") != ""
	x, err := v.admin().RevokeDevice(v.ctx(), v.r.PathValue("id"), lost, v.reason())
	if err != nil {
		return missing(err)
	}
	v.Hub.AccessChanged()
	if lost {
		return v.done("device_lost", "/device/"+x.ID.String())
	}
	return v.done("device_revoked", "/device/"+x.ID.String())
}

// errDays says that a code cannot be good for so many days.
var errDays = errors.New("a code is good for one to ninety days")

// enrolForm is what a sheet is asked for with.
type enrolForm struct {
	Places    []option
	Days      string
	Most      int
	Addresses string
}

func (v *visit) enrolForm(roles []heldRole) enrolForm {
	f := enrolForm{Days: v.value("days"), Most: access.MaxCodeDays, Addresses: v.value("addresses")}
	if f.Days == "" {
		f.Days = v.words.Digits(access.CodeDays)
	}
	if f.Addresses == "" {
		f.Addresses = strings.Join(v.serverAddresses(), " ")
	}
	for _, role := range roles {
		number := v.words.Digits(role.Place)
		f.Places = append(f.Places, option{number, role.PlaceName, number == v.value("place")})
	}
	return f
}

// serverAddresses are where a device finds the server: as it was told, or as this
// browser found it.
func (v *visit) serverAddresses() []string {
	if len(v.Addresses) > 0 {
		return v.Addresses
	}
	return []string{v.origin()}
}

// sheetData is what is printed and handed to somebody. It stands in both languages:
// who prints it and who types it may read different ones.
type sheetData struct {
	Parts, Addresses []string
	QR               qrCode
	Langs            []sheetLang
}

// sheetLang is the words of a sheet in one language.
type sheetLang struct {
	Lang, Dir, Title         string
	Steps                    []string
	Code, Where, Until, Keep string
}

// enrol makes a code and shows its sheet. The secret is kept nowhere, so the sheet
// stands on this page alone; asking again makes another code.
func (v *visit) enrol() error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(persian.ToASCIIDigits(strings.TrimSpace(v.value("days"))))
	if err != nil || days < 1 || days > access.MaxCodeDays {
		return v.showPerson(errDays)
	}
	addresses := strings.Fields(v.value("addresses"))
	for _, a := range addresses {
		err = errors.Join(err, access.CheckAddress(a))
	}
	if len(addresses) == 0 || err != nil {
		return v.showPerson(access.ErrAddress)
	}
	made, err := v.admin().MakeCode(v.ctx(), id.String(), persian.ToASCIIDigits(v.value("place")), time.Duration(days)*24*time.Hour)
	if refused(err) {
		return v.showPerson(err)
	}
	if err != nil {
		return missing(err)
	}
	sheet := made.Sheet(addresses, v.Keys)
	text, err := sheet.Text()
	if err != nil {
		return err
	}
	code, err := drawQR(text)
	if err != nil {
		return err
	}
	parts := made.Code.Parts()
	d := sheetData{Parts: parts[:], Addresses: addresses, QR: code}
	for _, lang := range []texts.Lang{texts.Persian, texts.English} {
		w := v.App.words[lang]
		d.Langs = append(d.Langs, sheetLang{Lang: w.Lang(), Dir: w.Dir(),
			Title: w.Say("office_people.sheet.title", texts.Args{"name": made.Person.Name}),
			Steps: []string{w.Say("office_people.sheet.step_open", nil), w.Say("office_people.sheet.step_scan", nil), w.Say("office_people.sheet.step_type", nil), w.Say("office_people.sheet.step_pass", nil)},
			Code:  w.Say("office_people.sheet.code", nil), Where: w.Say("office_people.sheet.where", texts.Args{"place": made.Place.NameFa, "number": w.Digits(made.Place.Number)}),
			Until: w.Say("office_people.sheet.until", texts.Args{"until": w.Minute(time.UnixMilli(made.Expires))}),
			Keep:  w.Say("office_people.sheet.keep", nil)})
	}
	p := v.page("sheet", v.say("office_people.sheet.title", texts.Args{"name": made.Person.Name}))
	p.Back, p.Data, p.Live = "/person/"+id.String(), d, false
	return v.render(p)
}

// qrCode is a QR code to draw: the side with its quiet zone, and a path of its dark
// modules.
type qrCode struct {
	Side int
	Path string
}

// quiet is how many light modules stand around a code.
const quiet = 4

func drawQR(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, err
	}
	var path []byte
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				path = fmt.Appendf(path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return qrCode{code.Size + 2*quiet, string(path)}, nil
}
