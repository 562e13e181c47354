package worlds

import (
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// outside does something that the watched device has no part in: its luck is that of
// this world alone.
func (w *world) outside() error {
	if len(w.others) == 0 {
		return nil
	}
	a := w.others[w.luck.IntN(len(w.others))]
	scope := syncproto.ScopeOf(w.other(w.luck.IntN(elsewhere)), compartment)
	switch w.luck.IntN(8) {
	case 0, 1, 2: // a record that the watched device may name without knowing of it
		id := w.recordOf("theirs", w.luck.IntN(probes))
		s, err := w.state(id)
		if err != nil || s.Erased {
			return err
		}
		w.theirs = append(w.theirs, id)
		if s.Exists() {
			scope = s.Home
		}
		return w.say(a, a.titled(w, s, scope, fmt.Sprint("دور ", w.luck.IntN(1000))))
	case 3: // two write the same field, neither having seen the other's
		if len(w.theirs) == 0 {
			return nil
		}
		s, err := w.state(w.theirs[w.luck.IntN(len(w.theirs))])
		if err != nil || !s.Exists() || s.Erased {
			return err
		}
		b := w.others[w.luck.IntN(len(w.others))]
		if err := w.say(a, a.titled(w, s, s.Home, "یکی")); err != nil {
			return err
		}
		return w.say(b, b.titled(w, s, s.Home, "دیگری"))
	case 4: // what is not allowed, in the watched device's place as well
		s := syncproto.NewRecordState(w.recordOf("forbidden"+w.variant, w.luck.IntN(9)))
		return w.say(a, a.titled(w, s, syncproto.ScopeOf(w.place(), compartment), "ممنوع"))
	case 5: // rights elsewhere change
		err := w.store.Update(w.ctx, func(tx store.Tx) error {
			return grant(tx, a.person, w.other(w.luck.IntN(elsewhere)), roles[w.luck.IntN(len(roles))])
		})
		w.hub.AccessChanged()
		return err
	case 6: // a record is erased, one that the watched device does not name
		if n := len(w.nameless); n > 0 && w.luck.IntN(2) == 0 {
			return w.hub.Erase(w.ctx, w.nameless[w.luck.IntN(n)])
		}
		id := w.recordOf("nameless"+w.variant, len(w.nameless))
		w.nameless = append(w.nameless, id)
		return w.say(a, a.titled(w, syncproto.NewRecordState(id), scope, "بی‌نام"))
	default: // a record moves between two places elsewhere
		if len(w.theirs) == 0 {
			return nil
		}
		s, err := w.state(w.theirs[w.luck.IntN(len(w.theirs))])
		if err != nil || !s.Exists() || s.Erased {
			return err
		}
		return w.say(w.mover, w.move(s, scope))
	}
}

// say brings what an author wrote.
func (w *world) say(a *author, err error) error {
	if err != nil {
		return err
	}
	return a.bring(w)
}

func (w *world) move(s *syncproto.RecordState, to syncproto.ScopeID) error {
	a := w.mover
	return a.write(w, syncproto.VerbMove, s, s.Home, []syncproto.Op{merge.MoveOp(s, to), merge.Presence(s, a.person, true, false)})
}

// inside does something in the watched device's place: the same in both worlds.
func (w *world) inside() error {
	w.now += 1000
	a, scope := w.colleague, syncproto.ScopeOf(w.place(), compartment)
	if len(w.mine) == 0 || w.dice.IntN(3) == 0 {
		id := w.recordOf("mine", len(w.mine))
		w.mine = append(w.mine, id)
		return w.say(a, a.titled(w, syncproto.NewRecordState(id), scope, fmt.Sprint("سالن ", w.dice.IntN(1000))))
	}
	i := w.dice.IntN(len(w.mine))
	s, err := w.state(w.mine[i])
	if err != nil {
		return err
	}
	if w.dice.IntN(4) > 0 {
		return w.say(a, a.titled(w, s, s.Home, fmt.Sprint("حیاط ", w.dice.IntN(1000))))
	}
	// It leaves, to a place that is another one in each world.
	w.mine = append(w.mine[:i:i], w.mine[i+1:]...)
	return w.say(w.mover, w.move(s, syncproto.ScopeOf(w.there[w.luck.IntN(len(w.there))], compartment)))
}

// probes is how many records of elsewhere the watched device names.
const probes = 12

// writes has the watched device write: a record of its own, or what it has no right
// to, of records that exist in one world, in both, or in none.
func (w *world) writes(n int) error {
	w.now += 1000
	a, scope := w.watched, syncproto.ScopeOf(w.place(), compartment)
	if n%3 == 0 {
		return a.titled(w, syncproto.NewRecordState(w.recordOf("own", n)), scope, fmt.Sprint("باغ ", n))
	}
	// What it knows of the record is nothing but the id.
	s := syncproto.NewRecordState(w.recordOf("theirs", int(w.mix(n)%probes)))
	at := scope
	if w.mix(n)>>8%2 == 0 {
		at = syncproto.ScopeOf(w.other(int(w.mix(n)>>16%elsewhere)), compartment)
	}
	named := w.mix(n) >> 24
	switch named % 6 {
	case 0:
		return a.write(w, syncproto.VerbMove, s, at, []syncproto.Op{merge.MoveOp(s, scope), merge.Presence(s, a.person, true, false)})
	case 1:
		return a.write(w, syncproto.VerbDelete, s, at, []syncproto.Op{merge.Presence(s, a.person, false, true)})
	case 2:
		return a.write(w, syncproto.VerbRestore, s, at, []syncproto.Op{merge.Presence(s, a.person, true, true)})
	case 3:
		return a.write(w, syncproto.VerbSettle, s, at, []syncproto.Op{merge.Presence(s, a.person, true, true)})
	default:
		return a.write(w, syncproto.VerbEdit, s, at, []syncproto.Op{merge.Presence(s, a.person, true, false)})
	}
}
