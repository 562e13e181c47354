package wire

import "mahalleh/syncproto"

// Checkpoints hands a device how the chains of administrative acts in its
// scopes stand, so that they cannot be rewritten unnoticed.
type Checkpoints struct {
	// Chains are those that go on from what the device was told last.
	Chains []ActChain
}

// ActChain is how a scope's chain stands, and how it follows from where it was.
type ActChain struct {
	Scope syncproto.ScopeID
	Count uint64
	Head  syncproto.Hash
	// From is the count from which Links lead to Count, one digest an act. Without
	// links the device is told for the first time, or less than it has is here.
	From  uint64
	Links []syncproto.Hash
}

// MaxActLinks bounds the digests in one chain: 128 KiB. More go into later
// messages.
const MaxActLinks = 4096

// Type implements Message.
func (*Checkpoints) Type() MsgType { return MsgCheckpoints }

func (m *Checkpoints) fields(f *fields) {
	fieldList(f, 1, &m.Chains, syncproto.MaxScopes, func(f *fields, c *ActChain) {
		fieldID(f, 1, &c.Scope)
		fieldNum(f, 2, &c.Count)
		fieldHash(f, 3, &c.Head)
		fieldNum(f, 4, &c.From)
		fieldRows(f, 5, &c.Links, MaxActLinks, 32,
			func(b []byte, h *syncproto.Hash) []byte { return append(b, h[:]...) },
			func(c *cursor, h *syncproto.Hash) { *h = c.hash("link") })
	})
}
