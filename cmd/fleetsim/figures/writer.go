package figures

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"

	"mahalleh/schemas"
	"mahalleh/syncproto"
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
	seq    uint64
	head   syncproto.Hash
	chunk  int64
	drafts []*syncproto.Change // of the corpus, not yet used
}

func newWriter(forms *schemas.Package) *writer {
	rng := randomBytes{rand.New(rand.NewPCG(worldSeed, 1))}
	seed := make([]byte, ed25519.SeedSize)
	rng.Read(seed)
	w := &writer{forms: forms, person: syncproto.PersonID{9}, key: ed25519.NewKeyFromSeed(seed)}
	var log syncproto.LogID
	rng.Read(log[:])
	w.cert = wire.SignLogCert(wire.LogCert{Log: log, LogKey: [32]byte(w.key.Public().(ed25519.PublicKey)), Serial: 1}, w.key)
	w.head = syncproto.ChainStart(log)
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
			made, err := corpus.Changes(worldSeed+w.chunk, corpus.Measured(), chunkSize, wire.NewChange)
			if err != nil {
				return nil, fmt.Errorf("make records: %w", err)
			}
			w.drafts = made
		}
		draft := w.drafts[0]
		w.drafts = w.drafts[1:]
		if draft.Header.Verb != syncproto.VerbCreate {
			continue
		}
		ch, err := w.sign(draft)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

// sign makes a change of the corpus one of this log and neighbourhood.
func (w *writer) sign(draft *syncproto.Change) (*syncproto.Change, error) {
	form, ok := w.forms.Form(schemas.FormID(draft.Header.Form))
	if !ok {
		return nil, fmt.Errorf("the corpus has records of form %d, which is unknown", draft.Header.Form)
	}
	w.seq++
	h := draft.Header
	h.Scope = syncproto.ScopeOf(home(), string(form.Compartment))
	h.OriginLog, h.OriginSeq, h.Author, h.Grants, h.Role = w.cert.Log, w.seq, w.person, 0, 0
	ch, err := wire.NewChange(h, draft.Secret, draft.Ops)
	if err != nil {
		return nil, fmt.Errorf("make record: %w", err)
	}
	return ch, nil
}

// randomBytes makes a seeded generator a reader of random bytes.
type randomBytes struct{ rng *rand.Rand }

func (r randomBytes) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return len(b), nil
}
