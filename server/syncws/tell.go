package syncws

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"mahalleh/server/hub"
	"mahalleh/server/store"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// maxOpen bounds the results that a session watches for changes; what is
// beyond is told at the next contact.
const maxOpen = 1024

// Tell wakes the conversation for what it is interested in; what it is not, it
// passes over.
func (c *Conversation) Tell(e hub.Event) {
	if c.closed != nil || !c.channel.Established() {
		return
	}
	for scope, head := range e.Scopes {
		if c.scopes[scope] {
			if c.moved == nil {
				c.moved = map[syncproto.ScopeID]uint64{}
			}
			c.moved[scope] = max(c.moved[scope], head)
		}
	}
	// Of a commit everybody is told before those whose batches it held: what they
	// pushed themselves they hear with their answer.
	if len(c.pending) == 0 {
		c.wake()
	}
	if e.Access {
		c.step(session.GrantsChanged{})
	}
	if e.Access || len(e.Acts) > 0 {
		c.acts()
	}
	for _, log := range c.logs {
		if e.Backups[log] {
			c.backup(log)
		}
	}
	if e.Devices[c.Device()] {
		c.results()
	}
}

// wake has the machine look for what has moved and was not read since.
func (c *Conversation) wake() {
	if len(c.moved) == 0 {
		return
	}
	m := session.Moved{Scopes: slices.Collect(maps.Keys(c.moved))}
	slices.SortFunc(m.Scopes, func(a, b syncproto.ScopeID) int { return bytes.Compare(a[:], b[:]) })
	for _, scope := range m.Scopes {
		m.Heads = append(m.Heads, c.moved[scope])
	}
	c.moved = nil
	c.step(m)
}

// backup tells the device how far its log is in a verified backup.
func (c *Conversation) backup(log syncproto.LogID) {
	var row store.Log
	err := c.s.Hub.Store().View(c.ctx, func(r store.Reader) (err error) {
		row, err = r.Log(log)
		return err
	})
	if err != nil {
		c.log.Error("how far a log is in a backup could not be read", "peer", c.name(), "log", log, "err", err)
		return // Welcome tells it
	}
	c.step(session.BackupVerified{Log: log, Seq: row.BackupSafe})
}

// acts tells the device how the chains of acts in its scopes go on.
func (c *Conversation) acts() {
	if c.scopes == nil || c.closed != nil {
		return // SessionLoaded tells it
	}
	said, err := c.desk.Acts(c.ctx)
	if err != nil {
		c.log.Error("the chains of acts could not be read", "peer", c.name(), "err", err)
		return // the next contact tells it
	}
	c.step(session.ActsRead{Said: said})
}

// results looks whether results that the device knows are others now.
func (c *Conversation) results() {
	if len(c.open) == 0 {
		return
	}
	var looked []syncproto.Result
	err := c.s.Hub.Store().View(c.ctx, func(r store.Reader) error {
		looked = nil
		for _, id := range c.openChanges() {
			row, err := r.Change(id)
			if errors.Is(err, store.ErrNotFound) {
				continue // lost with a restored server; it is sent again
			}
			if err != nil {
				return err
			}
			if row.Device == c.Device() {
				looked = append(looked, row.Result)
			}
		}
		told, err := c.desk.Told(r, looked)
		looked = told
		return err
	})
	if err != nil {
		c.log.Error("changed results could not be read", "peer", c.name(), "err", err)
		return
	}
	var changed []syncproto.Result
	for _, now := range looked {
		if !same(c.open[now.Change], now) {
			changed = append(changed, now)
		}
		c.note(now)
	}
	if len(changed) > 0 {
		c.step(session.ResultsChanged{Results: changed})
	}
}

func (c *Conversation) openChanges() []syncproto.ChangeID {
	all := slices.Collect(maps.Keys(c.open))
	slices.SortFunc(all, func(a, b syncproto.ChangeID) int { return bytes.Compare(a[:], b[:]) })
	return all
}

// note keeps a result that may change.
func (c *Conversation) note(r syncproto.Result) {
	if !mayChange(r) {
		delete(c.open, r.Change)
		return
	}
	if _, known := c.open[r.Change]; known || len(c.open) < maxOpen {
		if c.open == nil {
			c.open = map[syncproto.ChangeID]syncproto.Result{}
		}
		c.open[r.Change] = r
	}
}

// mayChange tells a change that waits, is set aside, or was kept out and may be
// erased yet.
func mayChange(r syncproto.Result) bool {
	return r.Outcome == syncproto.Parked || r.Outcome == syncproto.Quarantined || r.Outcome == syncproto.Rejected
}

func same(a, b syncproto.Result) bool {
	return a.Outcome == b.Outcome && a.Reason == b.Reason && a.WaitsFor == b.WaitsFor && a.Position == b.Position
}
