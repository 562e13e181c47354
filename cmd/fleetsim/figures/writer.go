package figures

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"slices"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/prototest/corpus"
	"mahalleh/syncproto/wire"
)

// worldSeed makes the synthetic records that stores are filled with.
const worldSeed = 1404

// home is the one neighbourhood in which the figures' records lie.
func home() syncproto.PlaceID { return syncproto.PlaceID{7} }

// scopes are those of the records.
func scopes() []syncproto.ScopeID {
	return []syncproto.ScopeID{syncproto.ScopeOf(home(), "plain"), syncproto.ScopeOf(home(), "persons")}
}

// writer is a device of a colleague, whose records the measured device gets
// from the server.
type writer struct {
	person syncproto.PersonID
	cert   *wire.LogCert
	key    ed25519.PrivateKey
	forms  *schemas.Package
	random randomBytes
	seq    uint64
	head   syncproto.Hash
	chunk  int64
	drafts []*syncproto.Change // of the corpus, not yet used
	// only narrows the records to a compartment; "" is all.
	only string
	// whole makes records in which every field is filled in.
	whole bool
	// seed makes the records, which are written in place.
	seed  int64
	place syncproto.PlaceID
}

func newWriter(forms *schemas.Package) *writer { return newWriterOf(forms, worldSeed, home()) }

// newWriterOf is a writer in a place; two of the same seed write the same.
func newWriterOf(forms *schemas.Package, made int64, place syncproto.PlaceID) *writer {
	rng := randomBytes{rand.New(rand.NewPCG(uint64(made), 1))}
	seed := make([]byte, ed25519.SeedSize)
	rng.Read(seed)
	w := &writer{random: rng, forms: forms, person: syncproto.PersonID{9}, key: ed25519.NewKeyFromSeed(seed), seed: made, place: place}
	var log syncproto.LogID
	rng.Read(log[:])
	w.cert = wire.SignLogCert(wire.LogCert{Log: log, LogKey: [32]byte(w.key.Public().(ed25519.PublicKey)), Serial: 1}, w.key)
	w.head = syncproto.ChainStart(w.cert.Log)
	return w
}

// chunkSize is how many changes of the corpus are made at a time; two fifths of
// them make a record.
const chunkSize = 1250

// create returns the next n changes of the writer's log, each of which makes a
// record as facilitators would write it.
func (w *writer) create(n int) ([]*syncproto.Change, error) {
	out := make([]*syncproto.Change, 0, n)
	for len(out) < n {
		if len(w.drafts) == 0 {
			w.chunk++
			write := corpus.Changes
			if w.whole {
				write = corpus.Creates
			}
			made, err := write(w.seed+w.chunk, corpus.Measured(), chunkSize, wire.NewChange)
			if err != nil {
				return nil, fmt.Errorf("make records: %w", err)
			}
			w.drafts = made
		}
		draft := w.drafts[0]
		w.drafts = w.drafts[1:]
		form, ok := w.forms.Form(schemas.FormID(draft.Header.Form))
		if !ok {
			return nil, fmt.Errorf("the corpus has records of form %d, which is unknown", draft.Header.Form)
		}
		if draft.Header.Verb != syncproto.VerbCreate || w.only != "" && w.only != string(form.Compartment) {
			continue
		}
		h := draft.Header
		h.Scope = syncproto.ScopeOf(w.place, string(form.Compartment))
		w.seq++
		ch, err := w.honest(h, w.seq, draft.Ops)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

// honest is change without the operations whose value breaks a rule of its
// field: the corpus does not know the forms' ranges, and no client sends them.
func (w *writer) honest(h syncproto.Header, seq uint64, ops []syncproto.Op) (*syncproto.Change, error) {
	for {
		ch, err := w.change(h, seq, ops)
		if err != nil {
			return nil, err
		}
		reason, cell := merge.Judge(w.forms, ch)
		if reason == syncproto.ReasonNone {
			return ch, nil
		}
		kept := slices.DeleteFunc(slices.Clone(ops), func(op syncproto.Op) bool { return merge.CellOf(&op) == cell })
		if len(kept) == len(ops) {
			return nil, fmt.Errorf("record %s of the corpus is refused for reason %d", h.Record, reason)
		}
		ops = kept
	}
}

// change makes operations one of the writer's changes, at a sequence of its log.
func (w *writer) change(h syncproto.Header, seq uint64, ops []syncproto.Op) (*syncproto.Change, error) {
	h.OriginLog, h.OriginSeq, h.Author, h.Grants, h.Role = w.cert.Log, seq, w.person, 0, 0
	var secret [16]byte
	w.random.Read(secret[:])
	ch, err := wire.NewChange(h, secret, ops)
	if err != nil {
		return nil, fmt.Errorf("make a change: %w", err)
	}
	return ch, nil
}

// edit makes a change, at a sequence of the writer's log, that gives the first
// text field of a record another text of twenty letters.
func (w *writer) edit(state *syncproto.RecordState, seq uint64) (*syncproto.Change, error) {
	form, ok := w.forms.Form(schemas.FormID(state.Form))
	if !ok {
		return nil, fmt.Errorf("form %d is unknown", state.Form)
	}
	e := merge.Edit{Form: form, Opened: state, Before: merge.Content(form, state), Author: w.person}
	e.After = e.Before.Clone()
	f := textOf(form, e.Before)
	if f == nil {
		return nil, fmt.Errorf("record %s has no text to change", state.Record)
	}
	e.After.Fields[f.ID] = schemas.TextValue(anotherTitle)
	h := syncproto.Header{Verb: syncproto.VerbEdit, Record: state.Record, Form: state.Form, Package: w.forms.Version, Scope: state.Home,
		Base: state.Latest, Time: state.Versions[state.Latest].Time + 60_000}
	return w.change(h, seq, e.Ops())
}

// textOf returns the first text field of a record that is filled in, nil if
// there is none.
func textOf(form *schemas.Form, r schemas.Record) *schemas.Field {
	for _, f := range form.Fields() {
		if f.Type == schemas.TypeText && !r.Fields[f.ID].IsEmpty() {
			return f
		}
	}
	return nil
}

// anotherTitle has twenty letters, none of its words from the dictionaries.
const anotherTitle = "کتابخانهٔ کوچهٔ شهید"

// randomBytes makes a seeded generator a reader of random bytes.
type randomBytes struct{ rng *rand.Rand }

func (r randomBytes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return len(b), nil
}
