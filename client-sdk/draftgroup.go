package clientsdk

import (
	"fmt"
	"io"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Place is the neighbourhood of the record that the draft edits or will make.
func (d *Draft) Place() syncproto.PlaceID { return d.place }

// Opened is what stood in the record when the form was opened; nothing for a new one.
func (d *Draft) Opened() schemas.Record { return d.before.Clone() }

// Group marks drafts that belong together, and that whoever shows them saves by
// Client.SaveGroup; zero for a draft that stands alone. It is stored with the draft.
func (d *Draft) Group() syncproto.GroupID { return d.group }

// Join puts the draft into the group of another one, such as that of the record that
// refers to it. Both must be stored by Autosave for the group to survive a crash.
func (d *Draft) Join(other *Draft) error {
	if d.over || other.over {
		return told("join drafts", refuse(ErrDraftOver, nil))
	}
	if other.group == (syncproto.GroupID{}) {
		if _, err := io.ReadFull(lockedRand{d.c}, other.group[:]); err != nil {
			return told("join drafts", fmt.Errorf("read random bytes: %w", err))
		}
	}
	d.group = other.group
	return nil
}
