package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"mahalleh/schemas/workflow"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// PageAct is what a signed-in person does on one of the server's own pages: changes of
// one or more records, all of them or none.
type PageAct struct {
	By syncproto.PersonID
	// Token names the form that was sent, its content included, so that sending it
	// twice does it once. It stands in the changes as their group.
	Token syncproto.GroupID
	Edits []PageEdit
	// Beside writes what stands beside the records, in the same transaction and after
	// them; nil for nothing. It is not called for what was done before.
	Beside func(tx store.Tx) error
}

// PageEdit is one change of a PageAct.
type PageEdit struct {
	Record syncproto.RecordID
	// Seen is what the page showed of the record, see VersionOf: of all of it, or of
	// Cells alone. Zero is a record that is to be new.
	Seen  syncproto.Hash
	Cells []syncproto.CellKey
	// Edit makes the change of the record as it stands, as for Office. It may be
	// called again. Without operations nothing is written; an error of its own ends the
	// act.
	Edit func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (OfficeEdit, error)
}

// ErrChanged says that a record is not as the page showed it: nothing was written.
var ErrChanged = errors.New("the record was changed since it was shown")

// errNothing says that an edit changes nothing.
var errNothing = errors.New("nothing is changed")

// RefusedError says why a change was not made; nothing of its act was written.
type RefusedError struct {
	Record syncproto.RecordID
	// Reason is that of a change that is set aside, Cell what broke the rule, if one
	// cell did.
	Reason syncproto.Reason
	Cell   syncproto.CellKey
	// Finding is the programme's rule that forbids a step, in both languages; its Rule
	// is empty if it is not that.
	Finding workflow.Finding
}

func (e *RefusedError) Error() string {
	if e.Finding.Rule != "" {
		return fmt.Sprintf("a change of record %s is refused: rule %s: %s", e.Record, e.Finding.Rule, e.Finding.Message.En)
	}
	return fmt.Sprintf("a change of record %s is refused: reason %d, field %d", e.Record, e.Reason, e.Cell.Field)
}

// VersionOf is a fingerprint of what stands in a record, or in these cells of it and
// whether and where it is: of the changes that wrote it.
func VersionOf(s *syncproto.RecordState, cells ...syncproto.CellKey) syncproto.Hash {
	b := []byte("mahalleh page 1\n")
	b = append(b, s.Home[:]...)
	if merge.Alive(s) {
		b = append(b, 1)
	}
	if cells == nil {
		for k := range s.Cells {
			cells = append(cells, k)
		}
	}
	cells = slices.Clone(cells)
	slices.SortFunc(cells, syncproto.CellKey.Compare)
	for _, k := range cells {
		candidates := s.Candidates(k)
		b = binary.BigEndian.AppendUint32(b, k.Field)
		b = append(b, k.Item[:]...)
		b = binary.BigEndian.AppendUint32(b, k.Sub)
		if k.Element != (syncproto.Value{}) {
			b = wire.AppendValue(b, k.Element)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(candidates)))
		for _, c := range candidates {
			b = append(b, c.Version[:]...)
		}
	}
	return sha256.Sum256(b)
}

// PageRecord is the id of the n-th new record of a form that somebody sends: the same
// if it is sent twice, and none that anybody could choose.
func PageRecord(by syncproto.PersonID, form [16]byte, n int, ms int64) syncproto.RecordID {
	b := append([]byte("mahalleh page record 1\n"), by[:]...)
	b = append(b, form[:]...)
	h := sha256.Sum256(binary.BigEndian.AppendUint32(b, uint32(n)))
	id := syncproto.RecordID(h[:16])
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(ms))
	copy(id[:6], t[2:])
	id[6], id[8] = id[6]&0x0f|7<<4, id[8]&0x3f|0x80
	return id
}

// Write does what somebody did on a page. Each change is judged as one of theirs: their
// rights in its scope, and the roles that they hold at its place. Again says that the
// same act was done before; nothing is written a second time then.
//
// Errors: ErrChanged, *RefusedError, what an Edit returned, and store.ErrNotFound,
// alike for a record that is not there and one that the person may not see.
func (h *Hub) Write(ctx context.Context, act PageAct) (again bool, err error) {
	h.ownMu.Lock()
	defer h.ownMu.Unlock()
	err = h.transact(ctx, func(w *work) error {
		again = false
		view, err := w.h.access.View(w.tx, act.By)
		if err != nil {
			return err
		}
		for i := range act.Edits {
			if again, err = w.page(view, &act, &act.Edits[i]); again || err != nil {
				return err
			}
		}
		if act.Beside != nil {
			return act.Beside(w.tx)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("write from a page: %w", err)
	}
	return again, nil
}

func (w *work) page(view *access.View, act *PageAct, e *PageEdit) (again bool, err error) {
	t, err := w.record(e.Record)
	if err != nil {
		return false, err
	}
	isNew := e.Seen == syncproto.Hash{}
	if !isNew || t.state.Exists() {
		if err := w.mayLook(view, t.state); err != nil {
			return false, err
		}
	}
	if isNew && t.state.Exists() || !isNew && VersionOf(t.state, e.Cells...) != e.Seen {
		if done, err := w.did(act, e.Record); done || err != nil {
			return done, err
		}
		return false, ErrChanged
	}
	serial, err := w.tx.GrantSerial()
	if err != nil {
		return false, fmt.Errorf("read the grants' serial: %w", err)
	}
	edit := func(s *syncproto.RecordState, newItem func(int) syncproto.ItemID) (OfficeEdit, error) {
		made, err := e.Edit(s, newItem)
		if err == nil && len(made.Ops) == 0 {
			err = errNothing
		}
		return made, err
	}
	id, err := w.writeOwn(w.h.pages, e.Record, edit, func(h *syncproto.Header) error {
		writer, err := w.writer(w.h.pages.id)
		if err != nil {
			return err
		}
		h.Author, h.Group, h.Package, h.Grants = act.By, act.Token, w.h.packages.Version, serial
		h.Role, err = writer.Rank(act.By, h.Scope)
		return err
	})
	if errors.Is(err, errNothing) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return false, w.taken(w.changes[id])
}

// mayLook says store.ErrNotFound of a record that a person's pages do not show.
func (w *work) mayLook(view *access.View, s *syncproto.RecordState) error {
	if !s.Exists() || s.Erased || !view.May(s.Home, access.Read) {
		return store.ErrNotFound
	}
	place, err := w.placeOf(s.Home)
	if err == nil && !view.Single(place) {
		err = store.ErrNotFound
	}
	return err
}

// did says whether an act wrote into a record already.
func (w *work) did(act *PageAct, record syncproto.RecordID) (bool, error) {
	rows, err := w.tx.History(record)
	if err != nil {
		return false, fmt.Errorf("read the history of record %s: %w", record, err)
	}
	return slices.ContainsFunc(rows, func(row store.Change) bool {
		if row.Device != w.h.pages.id || row.Author != act.By {
			return false
		}
		ch, err := wire.DecodeChange(row.Bytes)
		return err == nil && bytes.Equal(ch.Header.Group[:], act.Token[:])
	}), nil
}

// taken says what keeps a page's change from being taken whole: a person is there to
// be told, so that nothing is set aside, and nothing waits.
func (w *work) taken(row *store.Change) error {
	res := &row.Result
	switch res.Outcome {
	case syncproto.Applied, syncproto.Merged, syncproto.Conflicted:
	case syncproto.Erased:
		return store.ErrNotFound
	default:
		reason, cell := Reason(row)
		return &RefusedError{Record: row.Record, Reason: reason, Cell: cell}
	}
	for _, c := range res.Cells {
		switch {
		case c.Reason >= syncproto.FirstRule:
			return &RefusedError{Record: row.Record, Reason: c.Reason, Cell: c.Cell, Finding: w.refused[row.ID]}
		case c.Reason == syncproto.ReasonNotCurrent, c.Reason == syncproto.ReasonWaitsStep:
			return ErrChanged
		}
	}
	return nil
}
