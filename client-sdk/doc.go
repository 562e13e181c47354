// Package clientsdk is the SDK of a field device: it records forms offline,
// keeps them sealed, finds and lists them, carries them to the server when a
// line appears, and says what became of each.
//
// # A device
//
// A folder holds one device. [Enrol] makes it from a code on paper, without a
// network; [Open] opens it afterwards, locked, and [Client.Unlock] brings its
// keys into memory. [Invitation.BeforePassphrase] names what must be said
// before a passphrase is set: what happens if it is forgotten.
//
// Time, randomness and free space come in through [Options]; an application
// gives crypto/rand.Reader, [FreeSpace] and a clock over the system's.
//
// # Recording
//
// [Client.New] begins a record, [Client.Edit] opens one: a [Draft]. Fields are
// set as people type ([Draft.Set]), as values ([Draft.SetValue]) or as JSON
// ([Draft.SetJSON]); [Draft.Problems] says what is wrong or missing,
// [Draft.Assess] which fields are asked and what is computed, [Draft.Offers]
// what the form proposes. [Draft.Autosave] lets a draft survive a crash.
//
// [Draft.Likely] proposes records that may be the one being typed, and
// [Client.Round] leads through the households of a survey, block by block.
//
// [Draft.Save] makes one change in one commit. Three rules hold always:
//
//   - Only what the person changed is in the change, never a field that was
//     shown and left alone, nor an offer that was not taken.
//   - The change names the values that stood on the screen when the form was
//     opened. What a sync brings while it is open is not replaced unseen.
//   - A record with an empty ● field, or a value that breaks a rule, stays a
//     draft and is never sent. A draft always saves.
//
// Values of fields that are not asked any more are taken out on saving, so that
// nothing is kept that nobody sees. What somebody else wrote there unseen stays.
//
// # Reading
//
// [Client.List] lists by form, place, reference, text or state, in the order of
// the Persian alphabet; [Client.Find] finds by any spelling; [Client.Record]
// shows a record with what others wrote and what is pending, [Client.History]
// how it came about and what stood before, [Client.Preview] what the merge will
// make of what is pending: the same decision that the server takes. [Client.Undo]
// takes an own change back.
//
// # Conflicts
//
// Concurrent values of one field are all kept; one is shown, and
// [Client.Conflicts] lists the rest until a person settles them with
// [Client.Settle], offline too: an ordinary change. [Client.Delete],
// [Client.Restore], [Client.Transition] and [Client.Move] are changes as well.
//
// # Syncing
//
// [Client.Sync] sends and receives once, [Client.Watch] goes on. Both may be cut
// at any byte. Outcomes and reasons are told per change ([Verdict]); what the
// server set aside is in [Status.Troubles], and stays on the device. Changes are
// kept until a verified backup of the server holds them.
//
// [Client.Status] says how everything stands. [Client.ExportPending] writes what
// was not sent to a file, also when the disk is full.
//
// # Texts
//
// Nothing here writes sentences for people but the form's own messages. Errors
// have keys ([Explain]), as have outcomes, reasons, states and verbs
// ([OutcomeKey], [ReasonKey], [SyncKey], [VerbKey]) and notices ([Notice]); an
// application's catalogues hold their texts. [Keys] lists the keys of errors.
package clientsdk
