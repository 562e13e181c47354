package dashboard

import (
	"bytes"
	"errors"
	"fmt"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// That two records are not the same, and which were made one by whom, is no part of
// either: it stands beside them, in two small values of the store for each scope. Beyond
// a bound the oldest go: two that are not the same are proposed again then, and what was
// made one long ago is brought back by hand.

// mostPairs bounds how many of each are kept for a scope.
const mostPairs = 1000

func apartKey(scope syncproto.ScopeID) string  { return "pages.apart." + scope.String() }
func unitedKey(scope syncproto.ScopeID) string { return "pages.united." + scope.String() }

// pair are two records, whichever was named first.
type pair [2]syncproto.RecordID

func pairOf(a, b syncproto.RecordID) pair {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return pair{a, b}
}

const pairSize = 32

// united says that one record stays in place of another, and the act that did it.
type united struct {
	act         syncproto.GroupID
	stays, goes syncproto.RecordID
}

const unitedSize = 48

func (u *united) pair() pair { return pairOf(u.stays, u.goes) }

// valueOf is one value of the store, empty where there is none.
func valueOf(r store.MetaReader, key string) ([]byte, error) {
	b, err := r.Meta(key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return b, nil
}

// apartIn are the pairs of a scope of which somebody said that they are not the same.
func apartIn(r store.MetaReader, scope syncproto.ScopeID) (map[pair]bool, error) {
	b, err := valueOf(r, apartKey(scope))
	all := map[pair]bool{}
	for ; len(b) >= pairSize; b = b[pairSize:] {
		all[pair{syncproto.RecordID(b[:16]), syncproto.RecordID(b[16:32])}] = true
	}
	return all, err
}

// unitedIn are those of a scope that were made one, the newest first.
func unitedIn(r store.MetaReader, scope syncproto.ScopeID) ([]united, error) {
	b, err := valueOf(r, unitedKey(scope))
	var all []united
	for ; len(b) >= unitedSize; b = b[unitedSize:] {
		all = append([]united{{syncproto.GroupID(b[:16]), syncproto.RecordID(b[16:32]), syncproto.RecordID(b[32:48])}}, all...)
	}
	return all, err
}

// setRow puts a row at the end of a value of the store, or takes it out.
func setRow(tx store.Tx, key string, row []byte, there bool) error {
	b, err := valueOf(tx, key)
	if err != nil {
		return err
	}
	var out []byte
	for ; len(b) >= len(row); b = b[len(row):] {
		if !bytes.Equal(b[:len(row)], row) {
			out = append(out, b[:len(row)]...)
		}
	}
	if there {
		out = append(out, row...)
	}
	return tx.PutMeta(key, out[max(0, len(out)-mostPairs*len(row)):])
}

func (p pair) row() []byte { return append(p[0][:], p[1][:]...) }

func (u *united) row() []byte {
	return append(append(append([]byte(nil), u.act[:]...), u.stays[:]...), u.goes[:]...)
}

// holds reports whether two records are still one: the one is there, and what took the
// other away was the act itself.
func (u *united) holds(r store.Reader) (bool, error) {
	stays, err := r.Record(u.stays)
	if err == nil && (stays.State.Erased || !merge.Alive(stays.State)) {
		err = store.ErrNotFound
	}
	var goes store.Record
	if err == nil {
		goes, err = r.Record(u.goes)
	}
	if err == nil && (goes.State.Erased || merge.Alive(goes.State)) {
		err = store.ErrNotFound
	}
	var row store.Change
	if err == nil {
		row, err = r.Change(goes.State.Latest)
	}
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ch, err := wire.DecodeChange(row.Bytes)
	return err == nil && ch.Header.Group == u.act, nil
}
