package clientsdk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/schemas"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// frozenState is the state of a dossier at whose beginning its content is frozen.
const frozenState = "approved"

// Snapshot is how what a dossier rests on stands beside what was approved.
type Snapshot struct {
	workflow.Snapshot
	// Counted is how many records were counted.
	Counted int
	// Whole says that the list of what was counted is here and is the one that was
	// approved: its hash is the one that the dossier names.
	Whole bool
	// Loaded says that all that the dossier rests on is here; otherwise sync first,
	// and nothing is compared.
	Loaded bool
	// Changes are the records that are not as they were; of a list that is not whole
	// none are known.
	Changes []SnapshotChange
}

// SnapshotChange is a record that is not as it was approved.
type SnapshotChange struct {
	Record syncproto.RecordID
	Form   string
	Title  string
	// How is changed, added or gone (deleted, moved away or erased).
	How string
}

// Agrees says that what is there now is what was approved.
func (s *Snapshot) Agrees() bool { return s.Whole && s.Loaded && len(s.Changes) == 0 }

// Snapshot compares what a dossier rests on now with what was approved. It says
// ErrNotFound for a record that is no dossier; a dossier that was never approved has
// the number 0.
func (c *Client) Snapshot(ctx context.Context, id syncproto.RecordID, lang string) (Snapshot, error) {
	const doing = "compare with what was approved"
	var s Snapshot
	if err := c.mayRead(); err != nil {
		return s, told(doing, err)
	}
	h, form, err := c.open(ctx, id)
	if err != nil {
		return s, told(doing, err)
	}
	f, ok := snapshotFieldsOf(form)
	if !ok {
		return s, told(doing, refuse(ErrNotFound, fmt.Errorf("record %s is a %s", id, form.Name)))
	}
	s.Snapshot = f.read(merge.Content(form, h.State))
	if s.Number == 0 {
		return s, nil
	}
	place := c.placeOf(h.State.Home)
	frozen, err := c.frozen(ctx, id, h.State.Home, s.Number)
	if err != nil {
		return s, told(doing, err)
	}
	s.Counted = len(frozen)
	again, err := workflow.Freeze(s.Number, s.Formula, frozen)
	s.Whole = err == nil && again.Hash == s.Hash
	now, loaded, err := c.counted(ctx, place)
	if err != nil {
		return s, told(doing, err)
	}
	if s.Loaded = loaded; !loaded || !s.Whole {
		return s, nil
	}
	for _, d := range workflow.Differences(frozen, now) {
		change := SnapshotChange{Record: syncproto.RecordID(d.Record), How: d.How}
		held, err := c.store.State(ctx, change.Record)
		if err != nil && !isNotFound(err) {
			return s, told(doing, err)
		}
		if err == nil && held.State.Exists() && !held.State.Erased {
			if of, known := c.forms.Form(schemas.FormID(held.State.Form)); known {
				change.Form = of.Name
			}
			if change.Title, err = c.titleOf(ctx, held.State, lang, true); err != nil {
				return s, told(doing, err)
			}
		}
		s.Changes = append(s.Changes, change)
	}
	slices.SortStableFunc(s.Changes, func(a, b SnapshotChange) int {
		return cmp.Or(cmp.Compare(a.Form, b.Form), cmp.Compare(a.Title, b.Title))
	})
	return s, nil
}

// snapshotFields are the fields in which a dossier names its snapshot.
type snapshotFields struct{ state, number, formula, hash *schemas.Field }

// snapshotFieldsOf is false of a form that is no dossier's.
func snapshotFieldsOf(form *schemas.Form) (f snapshotFields, ok bool) {
	m, has := workflow.Of(form.Name)
	if form.Name != "dossier" || !has {
		return f, false
	}
	all := true
	for name, at := range map[string]**schemas.Field{m.Field: &f.state, "snapshot_number": &f.number, "snapshot_formula_version": &f.formula, "snapshot_hash": &f.hash} {
		*at, ok = form.FieldByName(name)
		all = all && ok
	}
	return f, all
}

func (f snapshotFields) read(r schemas.Record) workflow.Snapshot {
	return workflow.Snapshot{Number: int(r.Fields[f.number.ID].Int()), Formula: r.Fields[f.formula.ID].Text(), Hash: r.Fields[f.hash.ID].Text()}
}

func (f snapshotFields) write(r schemas.Record, s workflow.Snapshot) {
	r.Fields[f.number.ID] = schemas.IntValue(int64(s.Number))
	r.Fields[f.formula.ID] = schemas.TextValue(s.Formula)
	r.Fields[f.hash.ID] = schemas.TextValue(s.Hash)
}

// approves says that a dossier is approved from before to after, and that nobody has
// written a snapshot into it by hand.
func (f snapshotFields) approves(before, after schemas.Record) bool {
	return after.Fields[f.state.ID].Code() == frozenState && before.Fields[f.state.ID].Code() != frozenState && f.read(before) == f.read(after)
}

// counted are the records that a place's dossier rests on, each in the version that a
// decision on it would name; false while something of them is on its way.
func (c *Client) counted(ctx context.Context, place syncproto.PlaceID) ([]workflow.Counted, bool, error) {
	scopes := []syncproto.ScopeID{
		syncproto.ScopeOf(place, string(schemas.CompartmentReference)), syncproto.ScopeOf(place, string(schemas.CompartmentPlain))}
	held, err := c.store.Scopes(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, scope := range scopes {
		if !slices.ContainsFunc(held, func(s localstore.ScopeStatus) bool { return s.Scope == scope && s.Checked }) {
			return nil, false, nil
		}
	}
	var all []workflow.Counted
	for _, name := range workflow.DossierForms {
		form, ok := c.forms.FormByName(name)
		if !ok {
			continue
		}
		err := c.each(ctx, localstore.Filter{Form: uint32(form.ID), Scopes: scopes}, func(s *syncproto.RecordState) {
			all = append(all, workflow.Counted{Record: schemas.ID(s.Record), Version: merge.VersionDecided(form, s)})
		})
		if err != nil {
			return nil, false, err
		}
	}
	return all, true, nil
}

// each calls f for the records of a listing.
func (c *Client) each(ctx context.Context, l localstore.Filter, f func(*syncproto.RecordState)) error {
	l.Max = localstore.MaxRows
	for {
		page, err := c.store.List(ctx, l)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			h, err := c.store.State(ctx, row.Record)
			if err != nil {
				return err
			}
			if h.State.Exists() && merge.Alive(h.State) {
				f(h.State)
			}
		}
		if l.After = page.Next; l.After == "" {
			return nil
		}
	}
}

// frozen is the list of what a dossier's snapshot counted, as far as it is here.
func (c *Client) frozen(ctx context.Context, dossier syncproto.RecordID, home syncproto.ScopeID, number int) ([]workflow.Counted, error) {
	form, ok := c.forms.FormByName(workflow.SnapshotForm)
	if !ok {
		return nil, nil
	}
	field := func(r schemas.Record, name string) schemas.Value {
		f, _ := form.FieldByName(name)
		return r.Fields[f.ID]
	}
	parts := map[int64]string{}
	err := c.each(ctx, localstore.Filter{Form: uint32(form.ID), Scopes: []syncproto.ScopeID{home}, RefersTo: dossier}, func(s *syncproto.RecordState) {
		if r := merge.Content(form, s); field(r, "number").Int() == int64(number) {
			parts[field(r, "part").Int()] = field(r, "content").Text()
		}
	})
	if err != nil {
		return nil, err
	}
	var texts []string
	for n := int64(1); parts[n] != ""; n++ {
		texts = append(texts, parts[n])
	}
	content, err := workflow.DecodeCounted(texts)
	if err != nil {
		return nil, nil // somebody wrote into it: it is not whole
	}
	return content, nil
}

// formulaVersion names the formulas and the province's settings by which the figures
// of a place are made.
func (c *Client) formulaVersion(ctx context.Context, place syncproto.PlaceID) string {
	s := c.provinceSettings(ctx, place)
	return workflow.FormulaOf(&s)
}

// frozenNow is the snapshot that an approval now would write, with its content; false
// while not all of the place is here.
func (c *Client) frozenNow(ctx context.Context, place syncproto.PlaceID, last int) (workflow.Snapshot, []workflow.Counted, bool, error) {
	content, loaded, err := c.counted(ctx, place)
	if err != nil || !loaded {
		return workflow.Snapshot{}, nil, false, err
	}
	s, err := workflow.Freeze(last+1, c.formulaVersion(ctx, place), content)
	return s, content, err == nil, err
}

// freeze writes the snapshot into each dossier that is approved, and adds the records
// that keep its content: they are saved as one group with it. Where not all of the
// place is here, nobody knows what was approved; the guards tell so.
func (c *Client) freeze(ctx context.Context, forms []saving) ([]saving, error) {
	for _, s := range slices.Clone(forms) {
		c.freezeRanks(ctx, s)
		f, ok := snapshotFieldsOf(s.d.form)
		if !ok || !f.approves(s.d.before, s.after) {
			continue
		}
		snapshot, content, known, err := c.frozenNow(ctx, s.d.place, f.read(s.d.before).Number)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		f.write(s.after, snapshot)
		for i, text := range workflow.EncodeCounted(content) {
			d, err := c.NewAt(ctx, workflow.SnapshotForm, s.d.place)
			if err != nil {
				return nil, err
			}
			for name, v := range map[string]schemas.Value{"dossier_id": schemas.RefValue(schemas.ID(s.d.record)),
				"number": schemas.IntValue(int64(snapshot.Number)), "part": schemas.IntValue(int64(i + 1)), "content": schemas.TextValue(text)} {
				if err := d.SetValue(name, v); err != nil {
					return nil, err
				}
			}
			forms = append(forms, saving{d: d, after: d.now})
		}
	}
	return forms, nil
}

// freezeRanks writes into a round of prioritisation that is approved by which formulas
// and settings its ranks were made.
func (c *Client) freezeRanks(ctx context.Context, s saving) {
	if s.d.form.Name != "prioritisation_round" {
		return
	}
	by := func(name string) schemas.FieldID {
		f, _ := s.d.form.FieldByName(name)
		return f.ID
	}
	decision, result, formula := by("approved_by_decision_id"), by("result"), by("result_formula_version")
	if !s.d.before.Fields[decision].IsEmpty() || s.after.Fields[decision].IsEmpty() || s.after.Fields[result].IsEmpty() || !s.after.Fields[formula].IsEmpty() {
		return
	}
	s.after.Fields[formula] = schemas.TextValue(c.formulaVersion(ctx, s.d.place))
}

// approve steps a dossier by its form, as a save does: with its snapshot.
func (c *Client) approve(ctx context.Context, form *schemas.Form, s *syncproto.RecordState, state schemas.Value, reason string) (syncproto.ChangeID, error) {
	none := syncproto.ChangeID{}
	d := &Draft{record: s.Record, form: form, scope: s.Home, place: c.placeOf(s.Home), opened: s}
	if err := c.ready(ctx, d); err != nil {
		return none, err
	}
	f, _ := snapshotFieldsOf(form)
	d.now.Fields[f.state.ID] = state
	forms, err := c.freeze(ctx, []saving{{d: d, after: d.now, reason: reason}})
	if err != nil {
		return none, err
	}
	if err := c.judgeSteps(ctx, forms, make([]SaveResult, len(forms))); err != nil {
		return none, err
	}
	ids, err := c.commit(ctx, forms)
	if err != nil {
		return none, err
	}
	return ids[0], nil
}
