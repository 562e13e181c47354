package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// recordJSON is the record that a create makes as an ordinary programme would
// store or send it: compact JSON with its ids, its time, and its fields by name.
func recordJSON(forms *schemas.Package, ch *syncproto.Change) ([]byte, error) {
	h := &ch.Header
	form, ok := forms.Form(schemas.FormID(h.Form))
	if !ok {
		return nil, fmt.Errorf("form %d is unknown", h.Form)
	}
	state := syncproto.NewRecordState(h.Record)
	if _, err := merge.Apply(state, ch, nobody{}); err != nil {
		return nil, fmt.Errorf("apply change %s: %w", ch.ID, err)
	}
	fields, err := schemas.EncodeJSON(form, merge.Content(form, state))
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, fields); err != nil {
		return nil, fmt.Errorf("write record %s: %w", h.Record, err)
	}
	head := fmt.Sprintf(`{"id":%q,"form":%q,"scope":%q,"author":%q,"time":%q,"fields":`,
		uuid.UUID(h.Record), form.Name, uuid.UUID(h.Scope), uuid.UUID(h.Author), time.UnixMilli(h.AuthorTime()).UTC().Format("2006-01-02T15:04:05.000Z"))
	return append(append([]byte(head), compact.Bytes()...), '}'), nil
}
