package clientsdk

import (
	"cmp"
	"context"
	"slices"
	"time"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// The forms and fields of a survey round.
const (
	householdForm  = "household_response"
	householdBlock = "block_id"
	householdNo    = "household_no"
	householdNone  = "refused"
	householdOf    = "campaign_id"
	blockForm      = "block"
	campaignForm   = "survey_campaign"
	census         = "census"
)

// Round is how the survey of a neighbourhood's households stands, as far as this
// device knows: its own records, and those that a sync brought.
type Round struct {
	Place syncproto.PlaceID
	// Campaign is the needs survey that is open today, zero if none was recorded.
	Campaign syncproto.RecordID
	// Target is how many households are to be asked: the campaign's, or else what
	// the province aims at.
	Target int
	// Answered and Refused are the sums over Blocks.
	Answered, Refused int
	// Blocks stand in the order in which they are walked.
	Blocks []RoundBlock
}

// RoundBlock is one block of a round.
type RoundBlock struct {
	ID   syncproto.RecordID
	Code string
	// Households is how many live there, 0 if nobody counted; Quota how many of
	// them are to be asked.
	Households, Quota int
	// Answered and Refused count households, each once.
	Answered, Refused int
	// Next is the number that the next household gets.
	Next int
	// NotHome are households where nobody opened: drafts that hold nothing but
	// their number. Begun are those whose answers were begun.
	NotHome, Begun []Waiting
}

// Left is how many households are still to be asked, never less than none.
func (b *RoundBlock) Left() int { return max(0, b.Quota-b.Answered) }

// Waiting is a household that stays a draft.
type Waiting struct {
	Draft  DraftID
	Number int
	// Tried is when it was put aside, by the device's clock.
	Tried time.Time
}

// Round returns how the survey round of a place stands.
func (c *Client) Round(ctx context.Context, place syncproto.PlaceID) (Round, error) {
	const doing = "read the survey round"
	if err := c.mayRead(); err != nil {
		return Round{}, told(doing, err)
	}
	r := Round{Place: place}
	blocks, err := c.recordsOf(ctx, blockForm, place)
	if err != nil {
		return r, told(doing, err)
	}
	for i := range blocks {
		r.Blocks = append(r.Blocks, RoundBlock{ID: blocks[i].id, Code: blocks[i].text("code"), Households: int(blocks[i].int("households")), Next: 1})
	}
	walk := map[syncproto.RecordID]int64{}
	for i := range blocks {
		walk[blocks[i].id] = blocks[i].int("walk_order")
	}
	slices.SortStableFunc(r.Blocks, func(a, b RoundBlock) int {
		// A block without a place in the walk comes after those with one.
		return cmp.Or(cmp.Compare(uint64(walk[a.ID]-1), uint64(walk[b.ID]-1)), cmp.Compare(a.Code, b.Code))
	})
	all, err := c.quota(ctx, &r)
	if err == nil {
		share(r.Blocks, r.Target, all)
		err = c.countHouseholds(ctx, &r)
	}
	return r, told(doing, err)
}

// quota finds the campaign and how many households are to be asked; all says
// that every one is.
func (c *Client) quota(ctx context.Context, r *Round) (all bool, err error) {
	campaigns, err := c.recordsOf(ctx, campaignForm, r.Place)
	if err != nil {
		return false, err
	}
	today := int32(c.Today())
	// The latest that has begun and is not over; one without days is always open.
	var open *found
	for i := range campaigns {
		x := &campaigns[i]
		from, to := x.field("opens_on"), x.field("closes_on")
		if !from.IsEmpty() && from.Date() > today || !to.IsEmpty() && to.Date() < today {
			continue
		}
		if open == nil || from.Date() > open.field("opens_on").Date() {
			open = x
		}
	}
	if open == nil {
		settings := c.provinceSettings(ctx, r.Place)
		r.Target = int(settings.Targets.Households)
		return false, nil
	}
	r.Campaign, r.Target = open.id, int(open.int("target_n"))
	return open.field("sampling").Code() == census, nil
}

// share parts a target among blocks by their households, or equally while some
// were not counted. What is left over goes to those that lose most by rounding
// down. Nobody asks more households than there are.
func share(blocks []RoundBlock, target int, all bool) {
	total, counted := 0, true
	for _, b := range blocks {
		total += b.Households
		counted = counted && b.Households > 0
	}
	if len(blocks) == 0 {
		return
	}
	rest := make([]int, len(blocks))
	given := 0
	for i := range blocks {
		weight, of := 1, len(blocks)
		if counted {
			weight, of = blocks[i].Households, total
		}
		blocks[i].Quota, rest[i] = target*weight/of, target*weight%of
		given += blocks[i].Quota
	}
	order := make([]int, len(blocks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rest[b], rest[a]) })
	for _, i := range order[:max(0, min(target-given, len(order)))] {
		blocks[i].Quota++
	}
	for i := range blocks {
		switch b := &blocks[i]; {
		case b.Households > 0 && (all || b.Quota > b.Households):
			b.Quota = b.Households
		}
	}
}

// countHouseholds counts the households of every block, sent or not.
func (c *Client) countHouseholds(ctx context.Context, r *Round) error {
	at := map[syncproto.RecordID]*RoundBlock{}
	for i := range r.Blocks {
		at[r.Blocks[i].ID] = &r.Blocks[i]
	}
	households, err := c.recordsOf(ctx, householdForm, r.Place)
	if err != nil {
		return err
	}
	type door struct {
		block syncproto.RecordID
		no    int64
	}
	// A household that was asked twice, or whose record corrects another, counts
	// once: as one that answered if it ever did.
	answered := map[door]bool{}
	for i := range households {
		x := &households[i]
		d := door{syncproto.RecordID(x.field(householdBlock).Ref()), x.int(householdNo)}
		answered[d] = answered[d] || !x.field(householdNone).Bool()
	}
	for d, yes := range answered {
		b := at[d.block]
		if b == nil {
			continue
		}
		b.Next = max(b.Next, int(d.no)+1)
		if yes {
			b.Answered++
			r.Answered++
		} else {
			b.Refused++
			r.Refused++
		}
	}
	return c.countWaiting(ctx, at)
}

// countWaiting adds the households of which there is only a draft.
func (c *Client) countWaiting(ctx context.Context, at map[syncproto.RecordID]*RoundBlock) error {
	drafts, err := c.Drafts(ctx)
	if err != nil {
		return err
	}
	for _, x := range drafts {
		if x.Form == nil || x.Form.Name != householdForm || !x.New || x.Err != nil {
			continue
		}
		d, err := c.OpenDraft(ctx, x.ID)
		if err != nil {
			return err
		}
		ref, _ := d.Value(householdBlock)
		no, _ := d.Value(householdNo)
		b := at[syncproto.RecordID(ref.Ref())]
		if b == nil {
			continue
		}
		b.Next = max(b.Next, int(no.Int())+1)
		w := Waiting{Draft: x.ID, Number: int(no.Int()), Tried: x.Saved}
		if d.untouched() {
			b.NotHome = append(b.NotHome, w)
		} else {
			b.Begun = append(b.Begun, w)
		}
	}
	byNumber := func(a, b Waiting) int { return cmp.Compare(a.Number, b.Number) }
	for _, b := range at {
		slices.SortFunc(b.NotHome, byNumber)
		slices.SortFunc(b.Begun, byNumber)
	}
	return nil
}

// untouched reports whether a household's form holds nothing but its door.
func (d *Draft) untouched() bool {
	door := 0
	for _, name := range []string{householdBlock, householdNo, householdOf} {
		if v, _ := d.Value(name); !v.IsEmpty() {
			door++
		}
	}
	return len(d.now.Fields) == door && len(d.typed) == 0
}

// NextHousehold begins the form of the next household of a block: the block is
// kept, the number counted up. Nothing is stored until the draft is.
func (c *Client) NextHousehold(ctx context.Context, place syncproto.PlaceID, block syncproto.RecordID) (*Draft, error) {
	const doing = "begin the next household"
	r, err := c.Round(ctx, place)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.Blocks, func(b RoundBlock) bool { return b.ID == block })
	if i < 0 {
		return nil, told(doing, refuse(ErrNotFound, nil))
	}
	d, err := c.NewAt(ctx, householdForm, place)
	if err != nil {
		return nil, err
	}
	values := map[string]schemas.Value{householdBlock: schemas.RefValue(schemas.ID(block)), householdNo: schemas.IntValue(int64(r.Blocks[i].Next))}
	if !r.Campaign.IsZero() {
		values[householdOf] = schemas.RefValue(schemas.ID(r.Campaign))
	}
	for name, v := range values {
		if err := d.SetValue(name, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Refuse saves a household's form as that of one that did not want to answer;
// what was answered before goes.
func (d *Draft) Refuse(ctx context.Context) (SaveResult, error) {
	if err := d.SetValue(householdNone, schemas.BoolValue(true)); err != nil {
		return SaveResult{}, err
	}
	return d.Save(ctx)
}

// found is a record that stands, with its values.
type found struct {
	id     syncproto.RecordID
	form   *schemas.Form
	values schemas.Record
}

func (x *found) field(name string) schemas.Value {
	if f, ok := x.form.FieldByName(name); ok {
		return x.values.Fields[f.ID]
	}
	return schemas.Value{}
}

func (x *found) text(name string) string { return x.field(name).Text() }
func (x *found) int(name string) int64   { return x.field(name).Int() }

// recordsOf reads the records of a form that stand in a place.
func (c *Client) recordsOf(ctx context.Context, name string, place syncproto.PlaceID) (all []found, err error) {
	form, ok := c.forms.FormByName(name)
	if !ok {
		return nil, refuse(ErrUnknownForm, nil, "form", name)
	}
	f := localstore.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{syncproto.ScopeOf(place, string(form.Compartment))}, Max: localstore.MaxRows}
	for {
		page, err := c.store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for i := range page.Rows {
			h, err := c.store.State(ctx, page.Rows[i].Record)
			if err != nil {
				return nil, err
			}
			if h.State.Exists() && !h.State.Erased {
				all = append(all, found{id: page.Rows[i].Record, form: form, values: merge.Content(form, h.State)})
			}
		}
		if f.After = page.Next; f.After == "" {
			return all, nil
		}
	}
}
