package dashboard

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/persian"
	"mahalleh/schemas/texts"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

func (a *App) peopleRoutes() []route {
	return []route{
		{pattern: "GET /people", handle: (*visit).getPeople},
		{pattern: "POST /people", handle: (*visit).addPerson},
		{pattern: "GET /person/{id}", handle: func(v *visit) error { return v.showPerson(nil) }},
		{pattern: "POST /person/{id}/grant", handle: (*visit).grant},
		{pattern: "POST /person/{id}/revoke", handle: (*visit).revoke},
		{pattern: "POST /person/{id}/invite", handle: (*visit).invite},
		{pattern: "POST /person/{id}/disable", handle: (*visit).disable},
		{pattern: "POST /person/{id}/session", handle: (*visit).endTheirs},
		{pattern: "POST /person/{id}/enrol", handle: (*visit).enrol},
	}
}

// InvitePath is the page of an invitation, with its secret behind it, where no
// server is told it by the link alone.
const InvitePath = "/invite#"

// mostPeople bounds the rows of a list of people or devices, and the places that a
// box of text proposes.
const mostPeople = 300

// tended runs f with what the reader looks after; who looks after nothing finds no
// page.
func (v *visit) tended(f func(r store.Reader, s *access.Steward) error) error {
	return v.store.View(v.ctx(), func(r store.Reader) error {
		s, err := access.StewardOf(r, v.who.ID)
		if err == nil && !s.Any() {
			err = errNoPage
		}
		if err != nil {
			return err
		}
		return f(r, s)
	})
}

// admin is the administration by who is signed in.
func (v *visit) admin() *access.Admin { return v.Admin.As(v.who.ID) }

type peopleData struct {
	Find    string
	Rows    []personRow
	Cut     int
	New     givenData
	NewName string
}

type personRow struct {
	ID, Name string
	Roles    []heldRole
	Devices  int
	Seen     time.Time // of the device that was last seen
	Disabled bool
}

// heldRole is a role in force: Mine says that the reader may end it.
type heldRole struct {
	Role, RoleName, PlaceName string
	Place                     uint32
	From                      time.Time
	Mine                      bool
}

// givenData is what the form of a role to give shows: the roles and places that the
// reader may give, and what was typed.
type givenData struct {
	Roles       []option
	Places      []option
	Role, Place string
}

func (v *visit) given(s *access.Steward) givenData {
	d := givenData{Role: v.value("role"), Place: v.value("place")}
	for _, role := range s.Roles() {
		d.Roles = append(d.Roles, option{string(role), v.words.Catalogue().Member(roleFamily, string(role), nil), string(role) == d.Role})
	}
	for _, p := range s.Places() {
		if len(d.Places) == mostPeople {
			break
		}
		d.Places = append(d.Places, option{Value: strconv.FormatUint(uint64(p.Number), 10), Label: v.placeName(p)})
	}
	return d
}

// devicesByPerson are the devices that have not been revoked, by whose they are.
func devicesByPerson(r store.Reader) (map[syncproto.PersonID][]store.Device, error) {
	all, err := access.Devices(r)
	if err != nil {
		return nil, err
	}
	of := map[syncproto.PersonID][]store.Device{}
	for _, d := range all {
		who, err := access.Resolve(r, d.Person)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		of[who.ID] = append(of[who.ID], d)
	}
	return of, nil
}

func (v *visit) getPeople() error { return v.showPeople(nil) }

func (v *visit) showPeople(failed error) error {
	d := peopleData{Find: v.r.URL.Query().Get("q"), NewName: v.r.PostForm.Get("name")}
	err := v.tended(func(r store.Reader, s *access.Steward) error {
		d.Rows, d.Cut = nil, 0
		d.New = v.given(s)
		people, err := access.People(r)
		if err != nil {
			return err
		}
		grants, err := r.Grants(syncproto.PersonID{})
		if err != nil {
			return err
		}
		of := map[syncproto.PersonID][]store.Grant{}
		for _, g := range grants {
			of[g.Person] = append(of[g.Person], g)
		}
		devices, err := devicesByPerson(r)
		if err != nil {
			return err
		}
		folded := persian.Fold(d.Find)
		for _, p := range people {
			if !s.Manages(p.ID, of[p.ID]) || !strings.Contains(persian.Fold(p.Name), folded) {
				continue
			}
			if len(d.Rows) == mostPeople {
				d.Cut++
				continue
			}
			row := personRow{ID: p.ID.String(), Name: p.Name, Disabled: p.Disabled}
			if row.Roles, err = v.held(r, s, of[p.ID]); err != nil {
				return err
			}
			for _, x := range devices[p.ID] {
				if x.Revoked == 0 {
					row.Devices++
					if at := time.UnixMilli(x.LastSeen); x.LastSeen != 0 && at.After(row.Seen) {
						row.Seen = at
					}
				}
			}
			d.Rows = append(d.Rows, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := v.page("people", v.say("office_people.title", nil))
	p.Data, p.Live = d, false
	return v.renderFailed(p, failed)
}

// renderFailed shows a page, with what went wrong above it if something did; what
// was typed stands in it still.
func (v *visit) renderFailed(p *formview.Page, failed error) error {
	if failed == nil {
		return v.render(p)
	}
	p.Notices = append(p.Notices, v.explain(failed))
	return v.renderAs(statusOf(failed), p)
}

// held are the roles in force.
func (v *visit) held(r store.Reader, s *access.Steward, grants []store.Grant) ([]heldRole, error) {
	var all []heldRole
	for _, g := range grants {
		if g.Revoked != 0 {
			continue
		}
		place, err := r.Place(g.Place)
		if err != nil {
			return nil, err
		}
		all = append(all, heldRole{g.Role, v.words.Catalogue().Member(roleFamily, g.Role, nil), v.placeName(place), place.Number, time.UnixMilli(g.From), s.Gives(access.Role(g.Role), g.Place)})
	}
	return all, nil
}

// errNoPlace says that what was typed is no place of the reader's, errManyPlaces
// that it is the name of several.
var (
	errNoPlace    = errors.New("there is no such place among those that are administered")
	errManyPlaces = errors.New("several places bear the name")
)

// placeTyped is the number of the place that somebody typed by number or name,
// among those where they may give something.
func (v *visit) placeTyped() (string, error) {
	asked := strings.TrimSpace(persian.ToASCIIDigits(v.value("place")))
	var found []string
	err := v.tended(func(_ store.Reader, s *access.Steward) error {
		found = nil
		folded := persian.Fold(asked)
		for _, p := range s.Places() {
			number := strconv.FormatUint(uint64(p.Number), 10)
			if number == asked || folded != "" && (persian.Fold(p.NameFa) == folded || persian.Fold(p.NameEn) == folded) {
				found = append(found, number)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", errNoPlace
	case len(found) > 1:
		return "", errManyPlaces
	}
	return found[0], nil
}

// refused reports whether an act was refused for a reason that its page says; whoever
// is not the reader's to administer is not there at all.
func refused(err error) bool {
	var wide *access.TooWideError
	var nothing *access.NothingToReadError
	return errors.As(err, &wide) || errors.As(err, &nothing) || errors.Is(err, access.ErrBeyond) || errors.Is(err, access.ErrNoName) ||
		errors.Is(err, access.ErrLongName) || errors.Is(err, access.ErrDisabled) || errors.Is(err, access.ErrAddress) ||
		errors.Is(err, errNoPlace) || errors.Is(err, errManyPlaces) || errors.Is(err, errDays)
}

// explainRefused says why an act of administration was refused.
func (v *visit) explainRefused(err error) formview.Notice {
	n := formview.Notice{Level: formview.Problem}
	var wide *access.TooWideError
	var nothing *access.NothingToReadError
	switch {
	case errors.As(err, &wide):
		n.Text = v.say("office_people.failed.wide", texts.Args{"role": v.words.Catalogue().Member(roleFamily, string(wide.Role), nil), "place": v.placeName(wide.Place)})
		n.Hint = v.say("office_people.failed.wide_hint", nil)
	case errors.As(err, &nothing):
		n.Text, n.Hint = v.say("office_people.failed.nothing", nil), v.say("office_people.failed.nothing_hint", nil)
	case errors.Is(err, access.ErrBeyond):
		n.Text, n.Hint = v.say("office_people.failed.beyond", nil), v.say("office_people.failed.beyond_hint", nil)
	case errors.Is(err, access.ErrNoName):
		n.Text = v.say("office_people.failed.no_name", nil)
	case errors.Is(err, access.ErrLongName):
		n.Text = v.say("office_people.failed.long_name", texts.Args{"most": access.MaxName})
	case errors.Is(err, access.ErrDisabled):
		n.Text, n.Hint = v.say("office_people.failed.disabled", nil), v.say("office_people.failed.disabled_hint", nil)
	case errors.Is(err, access.ErrAddress):
		n.Text, n.Hint = v.say("office_people.failed.address", nil), v.say("office_people.failed.address_hint", nil)
	case errors.Is(err, errDays):
		n.Text = v.say("office_people.failed.days", texts.Args{"most": access.MaxCodeDays})
	case errors.Is(err, errManyPlaces):
		n.Text, n.Hint = v.say("office_people.failed.many_places", nil), v.say("office_people.failed.many_places_hint", nil)
	default:
		n.Text, n.Hint = v.say("office_people.failed.no_place", nil), v.say("office_people.failed.no_place_hint", nil)
	}
	return n
}

// missing turns the errors of what is not there, or not the reader's, into one.
func missing(err error) error {
	var person *access.UnknownPersonError
	var several *access.AmbiguousPersonError
	var device *access.UnknownDeviceError
	var devices *access.AmbiguousDeviceError
	var role *access.UnknownRoleError
	if errors.As(err, &person) || errors.As(err, &several) || errors.As(err, &device) || errors.As(err, &devices) || errors.As(err, &role) ||
		errors.Is(err, access.ErrNotGranted) || errors.Is(err, access.ErrNoSession) {
		return store.ErrNotFound
	}
	return err
}

func (v *visit) addPerson() error {
	place, err := v.placeTyped()
	var made store.Person
	if err == nil {
		made, _, err = v.admin().AddWith(v.ctx(), v.value("name"), v.value("role"), place)
	}
	if refused(err) {
		return v.showPeople(err)
	}
	if err != nil {
		return missing(err)
	}
	v.Hub.AccessChanged()
	return v.done("person_added", "/person/"+made.ID.String())
}

type personData struct {
	ID, Name string
	Disabled bool
	Roles    []heldRole
	Devices  []deviceRow
	Sessions []sessionRow
	// HasPassword says that an invitation was accepted once.
	HasPassword bool
	New         givenData
	Enrol       enrolForm
	Why         string
}

// personAsked is the id in the address; everything else than an id of somebody whom
// the reader looks after is not there.
func (v *visit) personAsked() (syncproto.PersonID, error) {
	id, err := syncproto.ParseID(v.r.PathValue("id"))
	if err != nil {
		return syncproto.PersonID{}, store.ErrNotFound
	}
	return syncproto.PersonID(id), nil
}

func (v *visit) showPerson(failed error) error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	var d personData
	err = v.tended(func(r store.Reader, s *access.Steward) error {
		who, err := r.Person(id)
		if err != nil {
			return err
		}
		grants, err := r.Grants(id)
		if err != nil {
			return err
		}
		if !s.Manages(id, grants) {
			return store.ErrNotFound
		}
		d = personData{ID: id.String(), Name: who.Name, Disabled: who.Disabled, HasPassword: who.Password != "", New: v.given(s), Why: v.value("reason")}
		if d.Roles, err = v.held(r, s, grants); err != nil {
			return err
		}
		d.Enrol = v.enrolForm(d.Roles)
		devices, err := devicesByPerson(r)
		if err != nil {
			return err
		}
		for _, x := range devices[id] {
			row, err := v.deviceRow(r, x)
			if err != nil {
				return err
			}
			d.Devices = append(d.Devices, row)
		}
		all, err := v.Signer.Sessions(r, id)
		for i := range all {
			x := &all[i]
			d.Sessions = append(d.Sessions, sessionRow{Name: access.SessionName(x), Agent: x.Agent, Address: x.Address, Made: time.UnixMilli(x.Made), Seen: time.UnixMilli(x.Seen)})
		}
		return err
	})
	if err != nil {
		return err
	}
	p := v.page("person", d.Name)
	p.Back, p.Data, p.Live = "/people", d, false
	return v.renderFailed(p, failed)
}

// acted ends an act about a person: with its page, and a word or a refusal on it.
func (v *visit) acted(word string, err error) error {
	if refused(err) {
		return v.showPerson(err)
	}
	if err != nil {
		return missing(err)
	}
	v.Hub.AccessChanged()
	return v.done(word, "/person/"+url.PathEscape(v.r.PathValue("id")))
}

func (v *visit) grant() error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	place, err := v.placeTyped()
	if err == nil {
		_, _, err = v.admin().Grant(v.ctx(), id.String(), v.value("role"), place)
	}
	return v.acted("role_given", err)
}

func (v *visit) revoke() error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	_, err = v.admin().Revoke(v.ctx(), id.String(), v.value("role"), v.value("place"), v.reason())
	return v.acted("role_ended", err)
}

func (v *visit) disable() error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	undo := v.value("undo") != ""
	_, err = v.admin().SetDisabled(v.ctx(), id.String(), !undo, v.reason())
	if undo {
		return v.acted("person_enabled", err)
	}
	return v.acted("person_disabled", err)
}

func (v *visit) reason() string {
	r := []rune(strings.TrimSpace(v.value("reason")))
	return string(r[:min(len(r), maxReason)])
}

func (v *visit) endTheirs() error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	_, err = v.Signer.End(v.ctx(), v.value("session"), id, v.who.ID)
	return v.acted("ended", err)
}

type invitedData struct {
	ID, Name, Link string
	Valid          time.Duration
}

// invite shows a link once; it is kept nowhere, so it stands on this page alone.
func (v *visit) invite() error {
	id, err := v.personAsked()
	if err != nil {
		return err
	}
	secret, who, err := v.Signer.InviteAs(v.ctx(), id.String(), v.who.ID)
	if refused(err) {
		return v.showPerson(err)
	}
	if err != nil {
		return missing(err)
	}
	p := v.page("invited", v.say("office_people.invited", texts.Args{"name": who.Name}))
	p.Back, p.Live = "/person/"+id.String(), false
	p.Data = invitedData{id.String(), who.Name, v.origin() + InvitePath + secret, access.InvitationValid}
	return v.render(p)
}

// origin is how this browser reaches the pages.
func (v *visit) origin() string {
	if overTLS(v.r) {
		return "https://" + v.r.Host
	}
	return "http://" + v.r.Host
}
