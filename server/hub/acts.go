package hub

import (
	"context"
	"maps"
	"slices"

	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
	"mahalleh/syncproto/wire"
)

// loadActs says how the chains of acts of which the device holds something
// stand here, and how those of its scopes go on from there.
func (d *Desk) loadActs(r store.Reader, dev store.Device, h *wire.Hello, ev *session.SessionLoaded) error {
	d.acts = map[syncproto.ScopeID]uint64{}
	granted, err := d.readable(r, dev)
	if err != nil {
		return err
	}
	var known []syncproto.Checkpoint
	for i, n := range h.Acts {
		scope := h.Cursors[i].Scope
		if n == 0 {
			continue
		}
		// It goes on from there also if the scope is granted later in the session.
		d.acts[scope] = n
		if !slices.Contains(granted, scope) {
			continue
		}
		at, err := r.AuditAt(scope, n)
		if err != nil {
			return err
		}
		known = append(known, at)
	}
	ev.Welcome.Acts = syncproto.ActsKnown(known)
	ev.Acts.Chains, err = d.chains(r, granted)
	return err
}

// Acts returns how the chains of acts in the device's scopes go on from what it
// was told last.
func (d *Desk) Acts(ctx context.Context) (said wire.Checkpoints, err error) {
	err = d.h.store.View(ctx, func(r store.Reader) error {
		dev, err := r.Device(d.device)
		if err != nil {
			return err
		}
		granted, err := d.readable(r, dev)
		if err != nil {
			return err
		}
		said.Chains, err = d.chains(r, granted)
		return err
	})
	return said, err
}

func (d *Desk) readable(r store.Reader, dev store.Device) ([]syncproto.ScopeID, error) {
	grants, err := d.h.access.OfDevice(r, dev)
	if err != nil {
		return nil, err
	}
	var scopes []syncproto.ScopeID
	for _, g := range grants {
		if g.Rights&access.Read != 0 {
			scopes = append(scopes, g.Scope)
		}
	}
	return scopes, nil
}

// chains are those of the scopes that are not where the device was told, as
// far as a message holds their links; the rest follows with the next one.
func (d *Desk) chains(r store.Reader, scopes []syncproto.ScopeID) ([]wire.ActChain, error) {
	var said []wire.ActChain
	left := wire.MaxActLinks
	counts := map[syncproto.ScopeID]uint64{} // a device that is told nothing, since reading failed, was not told
	for _, scope := range scopes {
		told := d.acts[scope]
		now, err := r.AuditAt(scope, ^uint64(0))
		if err != nil {
			return nil, err
		}
		if now.Count == told {
			continue
		}
		chain := wire.ActChain{Scope: scope, Count: now.Count, Head: now.Head}
		if told > 0 && told < now.Count {
			if left == 0 {
				continue
			}
			if chain.Links, err = r.AuditLinks(scope, told, left); err != nil {
				return nil, err
			}
			left -= len(chain.Links)
			chain.From = told
			if chain.Count = told + uint64(len(chain.Links)); chain.Count < now.Count {
				at, err := r.AuditAt(scope, chain.Count)
				if err != nil {
					return nil, err
				}
				chain.Head = at.Head
			}
		}
		counts[scope] = chain.Count
		said = append(said, chain)
	}
	maps.Copy(d.acts, counts)
	return said, nil
}
