package syncproto

import "testing"

// The hashes of acts travel to devices and stand in their databases: they are
// for ever.
func TestActsGolden(t *testing.T) {
	a := Act{Scope: ScopeID{1}, At: 1_780_000_000_000, By: PersonID{2}, What: "granted", About: "x", Notes: "یادداشت"}
	digest := a.Digest([SaltSize]byte{3})
	head := ActsNext(Hash{}, digest)
	known := ActsKnown([]Checkpoint{{Scope: a.Scope, Count: 1, Head: head}})
	for _, c := range []struct{ name, got, want string }{
		{"digest", digest.String(), "7a1849dba237c20408f2645be47df8ca6891ddfd6717f9cc84f429cfb690cdfb"},
		{"chain", head.String(), "1b2c7f652fbd9f23660c568d5223543b5d043875ed9cf4f91817eb9a057f2999"},
		{"known", ScopeID(known).String(), "b024d644674015c971cc54e3d36aafae"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
	if ActsKnown(nil) != ([16]byte{}) {
		t.Error("of nothing, something is known")
	}
	other := a
	other.What, other.About = "grante", "dx"
	if other.Digest([SaltSize]byte{3}) == digest {
		t.Error("two acts have one digest")
	}
}
