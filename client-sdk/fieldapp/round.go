package fieldapp

import (
	"net/url"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
	"mahalleh/syncproto"
)

func (a *App) roundRoutes() []route {
	return []route{
		{pattern: "GET /round", handle: (*visit).getRound},
		{pattern: "POST /round/{block}/{act}", handle: (*visit).nextHousehold},
		{pattern: "POST /round/{block}/draft/{draft}/refused", handle: (*visit).refuseWaiting},
	}
}

// roundData is the survey round of a neighbourhood, with one block at hand.
type roundData struct {
	// Places are the neighbourhoods to choose from, none where there is one only.
	Places []option
	Place  string
	// Campaign leads to the survey that is open, "" if none was recorded.
	Campaign                  string
	Answered, Refused, Target int
	Blocks                    []blockData
	At                        *blockData
}

// blockData is one block of the round.
type blockData struct {
	To, Code                                   string
	Chosen                                     bool
	Households, Quota, Answered, Refused, Left int
	Next                                       int
	Waiting                                    []waitingData
	Begun                                      []waitingData
	// Act stands before the acts on the block, List is what was recorded there.
	Act, List, Place string
}

// waitingData is a household that is called on again, or whose form was begun.
type waitingData struct {
	Number        int
	When          string
	Open, Refused string
}

// roundAddress is the page of the round with a block at hand.
func roundAddress(place syncproto.PlaceID, block syncproto.RecordID) string {
	f := url.Values{"place": {syncproto.RecordID(place).String()}}
	if !block.IsZero() {
		f.Set("block", block.String())
	}
	return "/round?" + f.Encode()
}

// roundPlace is the neighbourhood of the address, or of the enrolment.
func (v *visit) roundPlace() syncproto.PlaceID {
	if id, err := clientsdk.ParseRecordID(v.value("place")); err == nil {
		return syncproto.PlaceID(id)
	}
	return v.c.Person().Place
}

func (v *visit) getRound() error {
	place := v.roundPlace()
	r, err := v.c.Round(v.ctx(), place)
	if err != nil {
		return err
	}
	d := roundData{Answered: r.Answered, Refused: r.Refused, Target: r.Target, Place: syncproto.RecordID(place).String()}
	if d.Places, err = v.roundPlaces(place); err != nil {
		return err
	}
	if !r.Campaign.IsZero() {
		d.Campaign = recordAddress(r.Campaign, roundAddress(place, syncproto.RecordID{}))
	}
	at, _ := clientsdk.ParseRecordID(v.value("block"))
	for i := range r.Blocks {
		d.Blocks = append(d.Blocks, v.block(place, &r.Blocks[i], r.Blocks[i].ID == at))
	}
	for i := range d.Blocks {
		if d.Blocks[i].Chosen {
			d.At = &d.Blocks[i]
		}
	}
	title := v.say("screen_records.round.title", nil)
	if d.At != nil {
		title = v.say("screen_records.round.block", texts.Args{"code": d.At.Code})
	}
	p := v.page("round", title)
	if d.At != nil {
		p.Back = roundAddress(place, syncproto.RecordID{})
		p.Nav = nil // what is done at the door is under the thumb
	}
	p.Data = d
	return v.render(p)
}

func (v *visit) block(place syncproto.PlaceID, b *clientsdk.RoundBlock, chosen bool) blockData {
	to := roundAddress(place, b.ID)
	d := blockData{To: to, Code: b.Code, Chosen: chosen, Households: b.Households, Quota: b.Quota, Answered: b.Answered, Refused: b.Refused,
		Left: b.Left(), Next: b.Next, Act: "/round/" + b.ID.String(), Place: syncproto.RecordID(place).String(),
		List: listing{Form: householdForm, Of: b.ID, Order: latestFirst}.address()}
	if !chosen {
		return d
	}
	waiting := func(all []clientsdk.Waiting) (out []waitingData) {
		for _, w := range all {
			out = append(out, waitingData{Number: w.Number, When: v.when(w.Tried), Open: draftAddress(w.Draft) + "?then=" + url.QueryEscape(to),
				Refused: d.Act + "/draft/" + syncproto.RecordID(w.Draft).String() + "/refused"})
		}
		return out
	}
	d.Waiting, d.Begun = waiting(b.NotHome), waiting(b.Begun)
	return d
}

// householdForm is the form of a household in the round.
const householdForm = "household_response"

// roundPlaces are the places in which the person may ask households.
func (v *visit) roundPlaces(at syncproto.PlaceID) ([]option, error) {
	s, err := v.c.Status(v.ctx())
	if err != nil {
		return nil, err
	}
	form, ok := v.c.Forms().FormByName(householdForm)
	if !ok {
		return nil, nil
	}
	var all []option
	for _, x := range s.Scopes {
		if x.Write && x.Compartment == string(form.Compartment) {
			all = append(all, option{Label: v.words.In(x.PlaceName), Chosen: x.Place == at, To: roundAddress(x.Place, syncproto.RecordID{})})
		}
	}
	if len(all) < 2 {
		return nil, nil
	}
	v.sortOptions(all)
	return all, nil
}

// The acts on the next household of a block.
const (
	actAsk     = "next"
	actNotHome = "not-home"
	actRefused = "refused"
)

// nextHousehold begins the next household of a block, notes that nobody was at
// home, or that it refused.
func (v *visit) nextHousehold() error {
	block, err := clientsdk.ParseRecordID(v.r.PathValue("block"))
	if err != nil {
		return err
	}
	act := v.r.PathValue("act")
	if act != actAsk && act != actNotHome && act != actRefused {
		return errNoPage
	}
	place := v.roundPlace()
	back := roundAddress(place, block)
	d, err := v.c.NextHousehold(v.ctx(), place, block)
	if err != nil {
		return err
	}
	no, _ := d.Value(householdNumber)
	switch act {
	case actAsk:
		return v.goOn(d, false, back)
	case actNotHome:
		if err := d.Autosave(v.ctx()); err != nil {
			return err
		}
		v.events.tell(eventDrafts)
		v.done("screen_records.round.noted", texts.Args{"n": no.Int()})
		return v.redirect(back)
	}
	return v.refuse(d, back)
}

// householdNumber is the field that holds the running number.
const householdNumber = "household_no"

func (v *visit) refuse(d *clientsdk.Draft, back string) error {
	no, _ := d.Value(householdNumber)
	r, err := d.Refuse(v.ctx())
	if err != nil {
		return err
	}
	if !r.Saved {
		// Something else is missing that a refusal does not answer: the form says what.
		return v.redirect(draftAddress(r.Draft) + "?then=" + url.QueryEscape(back))
	}
	v.events.tell(eventRecords, eventDrafts)
	v.tellNext(formview.Notice{Level: formview.Done, Text: v.say("screen_records.round.refused_noted", texts.Args{"n": no.Int()}),
		To: recordAddress(r.Record, back), Label: v.say("screen_records.round.look", nil)})
	return v.redirect(back)
}

// refuseWaiting notes that a household that was called on again refused.
func (v *visit) refuseWaiting() error {
	block, err := clientsdk.ParseRecordID(v.r.PathValue("block"))
	if err != nil {
		return err
	}
	id, err := clientsdk.ParseRecordID(v.r.PathValue("draft"))
	if err != nil {
		return err
	}
	v.drafts.mu.Lock()
	defer v.drafts.mu.Unlock()
	o, err := v.drafts.of(v.ctx(), v.c, clientsdk.DraftID(id))
	if err != nil {
		return err
	}
	v.drafts.drop(o.d.ID())
	return v.refuse(o.d, roundAddress(v.roundPlace(), block))
}
