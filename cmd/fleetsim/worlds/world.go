// Package worlds holds what a device is sent by two servers against each other that
// differ only outside the device's scope: in places, people, grants, records,
// conflicts, moves, erasures and quarantined changes elsewhere, and in what is done
// there while the device is connected. Every message must be the same, byte by byte.
package worlds

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"mahalleh/schemas"
	"mahalleh/server/hub"
	"mahalleh/server/sqlitestore"
	"mahalleh/server/store"
	"mahalleh/server/syncws"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// Tools are what all worlds share.
type Tools struct {
	Codec *wire.Codec
	Forms *schemas.Package
	// Dir is where the worlds' stores lie while they are compared.
	Dir string
	// Fault, if set, is planted into what the session's desk answers: the comparison
	// must then find a difference.
	Fault Fault
}

// Fault spoils an answer as a programmer's mistake would.
type Fault func(st store.Store, ev session.ServerEvent) session.ServerEvent

// named makes bytes that follow from a seed and a name.
type named struct {
	seed uint64
	name string
}

func (n named) bytes(what string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d %s %s", n.seed, n.name, what))
}

// stream is a source of random numbers by that name.
func (n named) stream(what string) *rand.ChaCha8 { return rand.NewChaCha8(n.bytes(what)) }

// begins is when every world begins, Unix milliseconds.
const begins = 1_768_500_000_000

// elsewhere is how many places there may be outside the device's scope.
const elsewhere = 5

// world is one of the two.
type world struct {
	seed    uint64
	variant string
	ctx     context.Context
	tools   *Tools
	now     int64

	store    *sqlitestore.Store
	hub      *hub.Hub
	identity *hub.Identity
	events   []hub.Event

	// dice are thrown for what is inside, luck for what is outside.
	dice, luck *rand.Rand

	// watched is whose device is watched; colleague works in the same place, mover
	// there and elsewhere, the others only elsewhere.
	watched, colleague, mover *author
	others                    []*author
	there                     []syncproto.PlaceID  // outside, those that exist in this world
	mine                      []syncproto.RecordID // in the watched device's place
	theirs                    []syncproto.RecordID // outside, those that exist in this world
	nameless                  []syncproto.RecordID // outside, never named by the watched device
	sent                      [][]byte             // to the device
	behind                    []string             // what the desk had answered last, for each of them
	answered                  string
}

func (w *world) form() assetForm {
	f, _ := w.tools.Forms.FormByName("asset")
	return assetForm{f}
}

// place is the watched device's own, other one outside.
func (w *world) place() syncproto.PlaceID { return placeOf(named{w.seed, "place"}) }
func (w *world) other(n int) syncproto.PlaceID {
	return placeOf(named{w.seed, fmt.Sprint("other place ", n)})
}

func placeOf(n named) syncproto.PlaceID {
	b := n.bytes("id")
	return syncproto.PlaceID(b[:16])
}

// recordOf is the n-th record of a kind; ids are the same in both worlds.
func (w *world) recordOf(kind string, n int) syncproto.RecordID {
	b := named{w.seed, fmt.Sprint(kind, n)}.bytes("record")
	return syncproto.RecordID(b[:16])
}

const compartment = "plain"

func newWorld(ctx context.Context, tools *Tools, seed uint64, variant string) (w *world, err error) {
	w = &world{seed: seed, variant: variant, ctx: ctx, tools: tools, now: begins,
		dice: rand.New(named{seed, "inside"}.stream("dice")), luck: rand.New(named{seed, "outside " + variant}.stream("luck"))}
	dir := filepath.Join(tools.Dir, fmt.Sprint(seed, variant))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a world: %w", err)
	}
	if w.store, err = sqlitestore.Open(ctx, sqlitestore.Options{Path: filepath.Join(dir, "server.db")}); err != nil {
		return nil, err
	}
	fixed := named{seed, "server"}.stream("identity")
	if w.identity, err = hub.LoadIdentity(ctx, w.store, fixed, nil); err == nil {
		w.hub, err = hub.New(ctx, hub.Options{Store: w.store, Packages: tools.Forms, Clock: func() int64 { return w.now }, Rand: fixed,
			Erasures: func(hub.Erasure) error { return nil }})
	}
	if err != nil {
		return nil, errors.Join(err, w.store.Close())
	}
	w.hub.Subscribe(func(e hub.Event) { w.events = append(w.events, e) })
	return w, w.people()
}

func (w *world) close() error {
	return errors.Join(w.hub.Close(), w.store.Close(), os.RemoveAll(filepath.Join(w.tools.Dir, fmt.Sprint(w.seed, w.variant))))
}

// roles are those that the watched device's person may have.
var roles = []string{"facilitator", "local_team", "steering", "clinic", "technical_manager"}

// people makes places, persons and devices. The province is inside: the watched
// device reads its reference compartment.
func (w *world) people() error {
	province := placeOf(named{w.seed, "province"})
	w.watched, w.colleague, w.mover = newAuthor(named{w.seed, "watched"}), newAuthor(named{w.seed, "colleague"}), newAuthor(named{w.seed, "mover"})
	pair, err := session.NewKeyPair(named{w.seed, "watched"}.stream("noise"))
	if err != nil {
		return err
	}
	w.watched.noise = pair.Public
	role := roles[w.dice.IntN(len(roles))]
	return w.store.Update(w.ctx, func(tx store.Tx) error {
		places := []store.Place{{ID: province, Number: 2, Kind: store.PlaceProvince, NameFa: "گیلان"},
			{ID: w.place(), Number: 7, Kind: store.PlaceNeighbourhood, Parent: province, NameFa: "چشمه‌سر"}}
		for n := range elsewhere {
			if n == 0 || w.luck.IntN(3) > 0 {
				w.there = append(w.there, w.other(n))
				places = append(places, store.Place{ID: w.other(n), Number: uint32(100 + n), Kind: store.PlaceNeighbourhood, Parent: province, NameFa: fmt.Sprint("دور", w.luck.IntN(99))})
			}
		}
		w.luck.Shuffle(len(places)-2, func(i, j int) { places[i+2], places[j+2] = places[j+2], places[i+2] })
		for _, p := range places {
			if err := tx.PutPlace(p); err != nil {
				return err
			}
		}
		if err := w.strangers(tx, places[2:]); err != nil {
			return err
		}
		if err := w.watched.put(tx, w.place(), role, "هیوا"); err != nil {
			return err
		}
		if err := w.colleague.put(tx, w.place(), "technical_manager", "روناک"); err != nil {
			return err
		}
		if err := w.mover.put(tx, w.place(), "technical_manager", "آرش"); err != nil {
			return err
		}
		for _, p := range places[2:] {
			if err := grant(tx, w.mover.person, p.ID, "technical_manager"); err != nil {
				return err
			}
		}
		return w.strangers(tx, places[2:])
	})
}

// strangers makes people who work elsewhere.
func (w *world) strangers(tx store.Tx, places []store.Place) error {
	if len(places) == 0 {
		return nil
	}
	for range w.luck.IntN(4) {
		n := len(w.others)
		a := newAuthor(named{w.seed, fmt.Sprint("stranger ", w.variant, n)})
		at := places[w.luck.IntN(len(places))].ID
		if err := a.put(tx, at, roles[w.luck.IntN(len(roles))], fmt.Sprint("دیگری", n)); err != nil {
			return err
		}
		if err := grant(tx, a.person, at, "facilitator"); err != nil {
			return err
		}
		w.others = append(w.others, a)
	}
	return nil
}

// surroundings are those of the watched device's next conversation. Its random bytes
// are the same in both worlds.
func (w *world) surroundings(nth int) *syncws.Surroundings {
	return &syncws.Surroundings{Hub: w.hub, Identity: w.identity, Codec: w.tools.Codec, Clock: func() int64 { return w.now },
		Random: named{w.seed, fmt.Sprint("connection ", nth)}.stream("server"),
		Do: func(ctx context.Context, desk *hub.Desk, e session.ServerEffect) session.ServerEvent {
			ev := desk.Do(ctx, e)
			if w.tools.Fault != nil {
				ev = w.tools.Fault(w.store, ev)
			}
			w.note(ev)
			return ev
		}}
}

// note keeps the last answer for the telling of a difference, without what the session
// keeps to itself.
func (w *world) note(ev session.ServerEvent) {
	switch e := ev.(type) {
	case session.SessionLoaded:
		e.Serial = 0
		ev = e
	case session.ScopesRead:
		e.GrantSerial = 0
		ev = e
	case session.GrantsLoaded:
		e.Serial = 0
		ev = e
	}
	w.answered = fmt.Sprintf("%T %+v", ev, ev)
}

func (w *world) state(id syncproto.RecordID) (s *syncproto.RecordState, err error) {
	err = w.store.View(w.ctx, func(r store.Reader) error {
		row, err := r.Record(id)
		if errors.Is(err, store.ErrNotFound) {
			s = syncproto.NewRecordState(id)
			return nil
		}
		s = row.State
		return err
	})
	return s, err
}

// mix is a number that follows from the seed, the same in both worlds.
func (w *world) mix(n int) uint64 {
	b := named{w.seed, "mix"}.bytes(fmt.Sprint(n))
	return binary.BigEndian.Uint64(b[:8])
}
