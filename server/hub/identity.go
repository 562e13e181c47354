package hub

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/wire"
)

// identityKey is where the server's private keys stand. They lie in the store,
// so that a restored server is the same server to its devices.
const identityKey = "hub.identity"

// Identity is the server to its devices: the key of the handshake and the key
// that signs receipts.
type Identity struct {
	Noise   *ecdh.PrivateKey
	Receipt ed25519.PrivateKey
	// Recovery is the province's recovery key, public, zero if there is none.
	Recovery [32]byte
}

// Keys returns the public document that devices check.
func (id *Identity) Keys() wire.ServerKeys {
	return wire.ServerKeys{
		Noise:    [32]byte(id.Noise.PublicKey().Bytes()),
		Receipt:  [32]byte(id.Receipt.Public().(ed25519.PublicKey)),
		Recovery: id.Recovery,
	}
}

// LoadIdentity reads the server's identity, or makes it at the first start.
// recovery sets the province's recovery key; nil keeps what is there.
func LoadIdentity(ctx context.Context, st store.Store, rand io.Reader, recovery *[32]byte) (*Identity, error) {
	var fresh [96]byte // two keys and what the salts of acts derive from
	if _, err := io.ReadFull(rand, fresh[:]); err != nil {
		return nil, fmt.Errorf("make the server's keys: %w", err)
	}
	var kept []byte
	err := st.Update(ctx, func(tx store.Tx) error {
		b, err := tx.Meta(identityKey)
		if errors.Is(err, store.ErrNotFound) {
			b = append(append([]byte{}, fresh[:64]...), make([]byte, 32)...)
		} else if err != nil {
			return err
		}
		if len(b) != 96 {
			return fmt.Errorf("the server's keys: %w", store.ErrCorrupt)
		}
		if recovery != nil {
			b = append(b[:64:64], recovery[:]...)
		}
		kept = b
		if err := tx.PutMeta(identityKey, b); err != nil {
			return err
		}
		if _, err := tx.Meta(store.AuditKey); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return tx.PutMeta(store.AuditKey, fresh[64:])
	})
	if err != nil {
		return nil, fmt.Errorf("load the server's keys: %w", err)
	}
	noise, err := ecdh.X25519().NewPrivateKey(kept[:32])
	if err != nil {
		return nil, fmt.Errorf("load the server's keys: %w", err)
	}
	return &Identity{Noise: noise, Receipt: ed25519.NewKeyFromSeed(kept[32:64]), Recovery: [32]byte(kept[64:])}, nil
}

// Receipt signs what the server holds of a log; nil if it holds nothing yet.
func (h *Hub) Receipt(ctx context.Context, id *Identity, log syncproto.LogID) ([]byte, error) {
	var r wire.Receipt
	err := h.store.View(ctx, func(tx store.Reader) error {
		row, err := tx.Log(log)
		if err != nil {
			return err
		}
		era, err := tx.LastEra()
		if err != nil {
			return err
		}
		gaps, err := tx.Gaps(log)
		if err != nil {
			return err
		}
		r = wire.Receipt{Era: era.ID, Log: log, Chain: row.Head, Ranges: ranges(row.Received, gaps)}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && len(r.Ranges) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("make a receipt for log %s: %w", log, err)
	}
	r.Time = h.now()
	signed, err := wire.SignReceipt(r, id.Receipt)
	if err != nil {
		return nil, err
	}
	return wire.AppendReceipt(nil, signed), nil
}

// ranges are the sequences 1..received without the gaps, which ascend.
func ranges(received uint64, gaps []store.Gap) []wire.Range {
	var all []wire.Range
	next := uint64(1)
	for _, g := range gaps {
		if g.From > next {
			all = append(all, wire.Range{From: next, To: g.From - 1})
		}
		next = max(next, g.To+1)
	}
	if next <= received {
		all = append(all, wire.Range{From: next, To: received})
	}
	return all
}

// Document is the encoded public document, as it is sent to devices.
func (id *Identity) Document() []byte {
	keys := id.Keys()
	return wire.AppendServerKeys(nil, &keys)
}
