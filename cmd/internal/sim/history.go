package sim

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// baseTime is when every history begins: 1404/10/26 in Tehran, Unix milliseconds.
const baseTime = 1_768_500_000_000

var (
	homePlace  = syncproto.PlaceID{1}
	otherPlace = syncproto.PlaceID{2}
)

// written is a finished history: what a few devices wrote about a few records
// while they learned of each other's work now and then.
type written struct {
	seed    uint64
	rng     *rand.Rand
	records []syncproto.RecordID
	logs    []*writtenLog
	byID    map[syncproto.ChangeID]*syncproto.Change
	// guests are changes by somebody who is not enrolled on the device.
	guests map[syncproto.ChangeID]bool
	// learned are the changes that have reached the server of this history.
	learned []*syncproto.Change
	// moves says that the next form that is saved moves its record.
	moves bool
}

// moveRoll is the throw of the dice that moves a record.
const moveRoll = 2

// writtenLog is one device's log and what the device knows.
type writtenLog struct {
	person   syncproto.PersonID
	stranger bool
	// narrow is a person who may use the other place alone: what they write of
	// a record that came there waits until the server has heard of its coming.
	narrow  bool
	cert    *wire.LogCert
	key     ed25519.PrivateKey
	entries []*syncproto.Change
	// sent is how many entries had reached the server when the device last
	// learned of the others'.
	sent  int
	known *knowledge
}

// knowledge is a device's copy of the records: everything it has learned and
// written, applied as it came.
type knowledge struct {
	states  map[syncproto.RecordID]*syncproto.RecordState
	applied map[syncproto.ChangeID]bool
	order   []*syncproto.Change
	parked  []*syncproto.Change
}

func newKnowledge() *knowledge {
	return &knowledge{states: map[syncproto.RecordID]*syncproto.RecordState{}, applied: map[syncproto.ChangeID]bool{}}
}

// Standing implements merge.History.
func (k *knowledge) Standing(id syncproto.ChangeID) (merge.Standing, []syncproto.Op, error) {
	if k.applied[id] {
		return merge.Applied, nil, nil
	}
	return merge.Unknown, nil, nil
}

func (k *knowledge) state(id syncproto.RecordID) *syncproto.RecordState {
	if k.states[id] == nil {
		k.states[id] = syncproto.NewRecordState(id)
	}
	return k.states[id]
}

func (k *knowledge) learn(ch *syncproto.Change) error {
	if k.applied[ch.ID] {
		return nil
	}
	res, err := merge.Apply(k.state(ch.Header.Record), ch, k)
	if err != nil {
		return err
	}
	if res.Outcome == syncproto.Parked {
		k.parked = append(k.parked, ch)
		return nil
	}
	k.applied[ch.ID] = true
	k.order = append(k.order, ch)
	if ch.Header.Verb == syncproto.VerbCreate {
		waiting := k.parked
		k.parked = nil
		for _, p := range waiting {
			if err := k.learn(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *knowledge) copy() (*knowledge, error) {
	d := newKnowledge()
	for _, ch := range k.order {
		if err := d.learn(ch); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// writeHistory lets three to six devices work on one to three records.
func writeHistory(seed uint64) (*written, error) {
	w := &written{seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), byID: map[syncproto.ChangeID]*syncproto.Change{}, guests: map[syncproto.ChangeID]bool{}}
	for i := range 1 + w.rng.IntN(3) {
		w.records = append(w.records, syncproto.RecordID{byte(i + 1), 5})
	}
	for i := range 3 + w.rng.IntN(4) {
		l := newLog(w.rng, syncproto.PersonID{byte(i + 1)}, i > 0 && w.rng.IntN(6) == 0)
		l.narrow = i > 1 && !l.stranger && w.rng.IntN(3) == 0
		if i == narrowest {
			l.narrow, l.stranger = true, false
		}
		l.known = newKnowledge()
		w.logs = append(w.logs, l)
	}
	for _, id := range w.records {
		if err := w.write(w.logs[0], id); err != nil {
			return nil, err
		}
	}
	if err := w.meet(w.logs[0]); err != nil {
		return nil, err
	}
	if w.rng.IntN(2) == 0 {
		if err := w.handOver(w.records[0]); err != nil {
			return nil, err
		}
	}
	for range 20 + w.rng.IntN(60) {
		l := w.logs[w.rng.IntN(len(w.logs))]
		var err error
		switch roll := w.rng.IntN(30); {
		case roll < 8:
			err = w.meet(l)
		case roll == 8 && len(w.logs) < 8:
			err = w.clone(l)
		default:
			err = w.write(l, w.records[w.rng.IntN(len(w.records))])
		}
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

// narrowest is the device whose person may always use the other place alone.
const narrowest = 2

// handOver has a record moved to the other place, where its new keeper changes
// it, and those before go on with what they then see.
func (w *written) handOver(id syncproto.RecordID) error {
	before, keeper := w.logs[1], w.logs[narrowest]
	if before.stranger {
		return nil
	}
	saves := func(l *writtenLog, n int) error {
		if err := w.meet(l); err != nil {
			return err
		}
		for range n {
			if err := w.write(l, id); err != nil {
				return err
			}
		}
		return w.meet(l)
	}
	w.moves = true
	err := saves(before, 1)
	w.moves = false
	for _, l := range []*writtenLog{keeper, w.logs[0], before} {
		if err == nil {
			err = saves(l, 3)
		}
	}
	return err
}

// meet is a sync: the others' work is learned, one's own is there to be
// learned. What would be quarantined does not travel on.
func (w *written) meet(l *writtenLog) error {
	for _, ch := range l.entries[l.sent:] {
		if !l.stranger && !w.guests[ch.ID] {
			w.learned = append(w.learned, ch)
		}
	}
	l.sent = len(l.entries)
	for _, ch := range w.learned {
		if err := l.known.learn(ch); err != nil {
			return err
		}
	}
	return nil
}

// clone copies a device with its unsent work. The copy goes on under a log of
// its own, in which it issues again what the original had not sent.
func (w *written) clone(l *writtenLog) error {
	c := newLog(w.rng, l.person, l.stranger)
	c.narrow = l.narrow
	c.entries = append(c.entries, l.entries[l.sent:]...)
	var err error
	if c.known, err = l.known.copy(); err != nil {
		return err
	}
	w.logs = append(w.logs, c)
	return nil
}

// write saves one form on a device.
func (w *written) write(l *writtenLog, id syncproto.RecordID) error {
	s := l.known.state(id)
	if !s.Exists() && l != w.logs[0] {
		return nil // this device has not heard of the record
	}
	if l.narrow && s.Home != syncproto.ScopeOf(otherPlace, "plain") {
		return nil // nor would this one have been sent it
	}
	author := l.person
	guest := s.Exists() && w.rng.IntN(12) == 0
	if guest {
		author = syncproto.PersonID{99}
	}
	seq := uint64(len(l.entries) + 1)
	h := syncproto.Header{Verb: syncproto.VerbEdit, Record: id, Form: 1, Package: 1, Scope: s.Home, OriginLog: l.cert.Log, OriginSeq: seq,
		Base: s.Latest, Author: author, Role: uint8(w.rng.IntN(2) * 10), Time: baseTime + int64(w.rng.IntN(1e6)) - 5e5}
	if w.rng.IntN(20) == 0 {
		h.Time += int64(w.rng.IntN(3)-1) * 30 * 365 * 24 * 3600 * 1000 // a clock thirty years off
	}
	ops := w.operations(l, s, &h)
	if ops == nil {
		return nil
	}
	var secret [16]byte
	randomBytes{w.rng}.Read(secret[:])
	ch, err := wire.NewChange(h, secret, ops)
	if err != nil {
		return err
	}
	if reason, cell := merge.Judge(everyForm(), ch); reason != syncproto.ReasonNone {
		return fmt.Errorf("an honest change is judged %d at %v", reason, cell)
	}
	l.entries = append(l.entries, ch)
	w.byID[ch.ID] = ch
	w.guests[ch.ID] = guest
	return l.known.learn(ch)
}

func (w *written) operations(l *writtenLog, s *syncproto.RecordState, h *syncproto.Header) []syncproto.Op {
	form, _ := everyForm().FormByName("every")
	edit := merge.Edit{Form: form, Opened: s, Before: merge.Content(form, s), Author: h.Author,
		NewItem: func(n int) syncproto.ItemID { return syncproto.OwnItem(h.OriginLog, h.OriginSeq, n) }}
	if !s.Exists() {
		h.Verb, h.Scope = syncproto.VerbCreate, syncproto.ScopeOf(homePlace, "plain")
		edit.After = changeContent(w.rng, edit.Before)
		edit.After.Fields[fieldState] = schemas.CodeValue("red")
		return edit.Ops()
	}
	roll := w.rng.IntN(24)
	if w.moves {
		roll = moveRoll
	}
	switch {
	case roll == 0:
		h.Verb = syncproto.VerbDelete
		return []syncproto.Op{merge.Presence(s, h.Author, false, true)}
	case roll == 1:
		h.Verb = syncproto.VerbRestore
		return []syncproto.Op{merge.Presence(s, h.Author, true, true)}
	case roll == moveRoll && !l.narrow:
		h.Verb = syncproto.VerbMove
		to := syncproto.ScopeOf(otherPlace, "plain")
		if to == s.Home {
			to = syncproto.ScopeOf(homePlace, "plain")
		}
		return []syncproto.Op{merge.MoveOp(s, to), merge.Presence(s, h.Author, true, false)}
	case roll < 5:
		h.Verb = syncproto.VerbTransition
		return []syncproto.Op{merge.TransitionOp(s, fieldState, shades[w.rng.IntN(3)]), merge.Presence(s, h.Author, true, false)}
	case roll == 5:
		// A phone with a later package of forms.
		h.Package = 2
		k := syncproto.CellKey{Field: fieldNewer}
		return []syncproto.Op{{Kind: syncproto.OpSet, Critical: true, Field: k.Field, Names: merge.Look(s, k).Shown, Value: syncproto.Text(words[w.rng.IntN(len(words))])},
			merge.Presence(s, h.Author, true, false)}
	case roll < 10:
		if open := merge.Conflicts(s); len(open) > 0 {
			h.Verb = syncproto.VerbSettle
			return settlement(w.rng, s, open[w.rng.IntN(len(open))], h.Author)
		}
	}
	edit.After = changeContent(w.rng, edit.Before)
	return edit.Ops()
}

// batch seals entries from..to of the log as a device would for a bundle.
func (l *writtenLog) batch(codec *wire.Codec, from, to int) (*wire.Batch, error) {
	raw, n, err := wire.NewBatchSealer(codec, wire.PurposeBundle, l.cert, l.key).Seal(uint64(from+1), l.head(from), l.entries[from:to], 0)
	if err != nil {
		return nil, err
	}
	if n != to-from {
		return nil, fmt.Errorf("sealed %d of %d changes", n, to-from)
	}
	return wire.NewBatchOpener(codec).Open(raw)
}

func (l *writtenLog) head(seq int) syncproto.Hash {
	head := syncproto.ChainStart(l.cert.Log)
	for _, ch := range l.entries[:seq] {
		head = syncproto.ChainNext(head, ch.HeaderBytes)
	}
	return head
}

// newLog makes a device's log with its keys.
func newLog(rng *rand.Rand, person syncproto.PersonID, stranger bool) *writtenLog {
	seed := make([]byte, 32)
	randomBytes{rng}.Read(seed)
	l := &writtenLog{person: person, stranger: stranger, key: ed25519.NewKeyFromSeed(seed)}
	var log syncproto.LogID
	randomBytes{rng}.Read(log[:])
	l.cert = wire.SignLogCert(wire.LogCert{Log: log, LogKey: [32]byte(l.key.Public().(ed25519.PublicKey)), Serial: 1, Created: baseTime}, l.key)
	return l
}
