package hub_test

import (
	"testing"

	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// TestFormKeepsToItsCompartment: a program that is not ours puts records where
// more people may read them than their form allows.
func TestFormKeepsToItsCompartment(t *testing.T) {
	const asset, rating, referral = 12, 20, 35
	none, forbidden := syncproto.ReasonNone, syncproto.ReasonForbidden
	for _, test := range []struct {
		name       string
		form       uint32
		at, to     string
		made, went syncproto.Reason
	}{
		{"as the form says", rating, "harm", "", none, none},
		{"a rating among plain records", rating, "plain", "", forbidden, none},
		{"a rating among persons", rating, "persons", "", forbidden, none},
		{"a referral among persons", referral, "persons", "", forbidden, none},
		{"a referral where it belongs", referral, "harm", "", none, none},
		{"a referral moved among persons", referral, "harm", "persons", none, forbidden},
		{"an asset, protected more", asset, "persons", "", none, none},
		{"a rating moved to plain records", rating, "harm", "plain", none, forbidden},
		{"an asset moved to a protected place", asset, "plain", "harm", none, none},
		{"an asset moved back", asset, "harm", "plain", none, none},
		{"a form that nobody knows", 9999, "plain", "", none, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			a := b.phone(1, "technical_manager")
			write := func(verb syncproto.Verb, s *syncproto.RecordState, ops ...syncproto.Op) syncproto.Reason {
				t.Helper()
				seq := uint64(len(a.log) + 1)
				ch, err := wire.NewChange(syncproto.Header{Verb: verb, Record: s.Record, Form: test.form, Package: 1, Scope: b.scope(test.at),
					OriginLog: a.cert.Log, OriginSeq: seq, Base: s.Latest, Author: a.person, Time: b.clock}, [16]byte{byte(seq)}, ops)
				if err != nil {
					t.Fatal(err)
				}
				a.log = append(a.log, ch)
				return a.mustPush(seq).Results[0].Result.Reason
			}
			s := syncproto.NewRecordState(syncproto.RecordID{9})
			if got := write(syncproto.VerbCreate, s, merge.Presence(s, a.person, true, false)); got != test.made {
				t.Fatalf("made: reason %d, want %d", got, test.made)
			}
			if test.to == "" {
				return
			}
			s = b.record(s.Record).State
			if got := write(syncproto.VerbMove, s, merge.MoveOp(s, b.scope(test.to)), merge.Presence(s, a.person, true, false)); got != test.went {
				t.Errorf("moved: reason %d, want %d", got, test.went)
			}
		})
	}
}
