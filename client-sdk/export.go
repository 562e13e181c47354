package clientsdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"mahalleh/schemas"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
	"mahalleh/syncproto/wire"
)

// PendingChange is one line of ExportPending, or of Pending.
type PendingChange struct {
	// Kind is "change", or "draft" for a form that was not saved.
	Kind string `json:"kind"`
	// Log and Seq are where the change stands, Change is its id.
	Log    string    `json:"log,omitempty"`
	Seq    uint64    `json:"seq,omitempty"`
	Change string    `json:"change,omitempty"`
	Draft  string    `json:"draft,omitempty"`
	Record string    `json:"record"`
	Form   string    `json:"form,omitempty"`
	Verb   string    `json:"verb,omitempty"`
	Author string    `json:"author,omitempty"`
	Saved  time.Time `json:"saved"`
	// Fields are what a person needs to read what was recorded: by field, the
	// value written, the elements added and removed.
	Fields []PendingField `json:"fields,omitempty"`
	// Values are those of a draft, as Draft.SetJSON reads them.
	Values json.RawMessage `json:"values,omitempty"`
	// Raw is the change as wire.AppendChange writes it, from which everything
	// can be brought back bit by bit; of a draft, its bytes if this release
	// cannot open it.
	Raw []byte `json:"raw,omitempty"`
}

// PendingField is what a pending change did to one field.
type PendingField struct {
	Field string `json:"field"`
	// Do is set, clear, add, remove, put, place, count or step.
	Do    string          `json:"do"`
	Value json.RawMessage `json:"value,omitempty"`
}

const (
	// exportChanges and exportBytes are how much is read from the store at a time.
	exportChanges = 100
	exportBytes   = 1 << 20
)

// Pending calls f with every change that the server is not known to hold, in
// the order of the logs. f's error ends it.
func (c *Client) Pending(ctx context.Context, f func(PendingChange) error) error {
	const doing = "list what is pending"
	logs, err := c.store.Logs(ctx)
	if err != nil {
		return told(doing, err)
	}
	for _, l := range logs {
		for seq := max(l.Received+1, l.First); seq <= l.HeadSeq; {
			b, err := c.store.ReadBatch(ctx, l.Log, seq, exportChanges, exportBytes)
			if err != nil {
				return told(doing, err)
			}
			for i, ch := range b.Changes {
				p, err := c.pendingChange(l.Log, b.First+uint64(i), ch)
				if err != nil {
					return told(doing, err)
				}
				if err := f(p); err != nil {
					return err
				}
			}
			seq = b.Next()
		}
	}
	return nil
}

// PendingOf returns the record's changes that the server is not known to hold.
func (c *Client) PendingOf(ctx context.Context, id syncproto.RecordID) ([]PendingChange, error) {
	var all []PendingChange
	err := c.Pending(ctx, func(p PendingChange) error {
		if p.Record == id.String() {
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

func (c *Client) pendingChange(log syncproto.LogID, seq uint64, bare *syncproto.Change) (PendingChange, error) {
	p := PendingChange{Kind: "change", Log: log.String(), Seq: seq, Change: bare.ID.String(), Raw: wire.AppendChange(nil, bare)}
	ch, err := wire.OpenChange(bare.HeaderBytes, bare.Secret, bare.OpsBytes)
	if err != nil {
		return p, refuse(ErrDamaged, err)
	}
	h := &ch.Header
	p.Record, p.Verb, p.Author, p.Saved = h.Record.String(), h.Verb.String(), h.Author.String(), time.UnixMilli(h.AuthorTime()).UTC()
	form, ok := c.forms.Form(schemas.FormID(h.Form))
	if p.Form = fmt.Sprint(h.Form); ok {
		p.Form = form.Name
	}
	for i := range ch.Ops {
		op := &ch.Ops[i]
		name := pathOf(form, merge.CellOf(op))
		if op.Kind == syncproto.OpReason {
			name = "reason"
		}
		value, err := readable(op.Value)
		if err != nil {
			return p, err
		}
		p.Fields = append(p.Fields, PendingField{Field: name, Do: doOf(op), Value: value})
	}
	return p, nil
}

func doOf(op *syncproto.Op) string {
	switch op.Kind {
	case syncproto.OpSet, syncproto.OpText:
		if op.Value.IsNone() {
			return "clear"
		}
		return "set"
	case syncproto.OpSetAdd, syncproto.OpAttachAdd:
		return "add"
	case syncproto.OpSetRemove, syncproto.OpItemRemove, syncproto.OpAttachRemove:
		return "remove"
	case syncproto.OpItemPut:
		return "put"
	case syncproto.OpItemPlace:
		return "place"
	case syncproto.OpIncrement:
		return "count"
	case syncproto.OpTransition, syncproto.OpMove:
		return "step"
	}
	return "note"
}

// readable writes a value by what it is; one of a newer release as base64.
func readable(v syncproto.Value) (json.RawMessage, error) {
	var out any
	switch {
	case v.IsNone():
		return nil, nil
	case v.Type == syncproto.TypeTransition:
		from, to, _ := v.AsTransition()
		out = []string{from, to}
	case v.Type == syncproto.TypeScope:
		id, _ := v.AsScope()
		out = id.String()
	case v.Type == syncproto.TypePlace:
		out, _ = v.AsText()
	default:
		x := merge.FromWire(v)
		if x.IsEmpty() {
			out = base64.StdEncoding.EncodeToString(wire.AppendValue(nil, v))
			break
		}
		return valueJSON(x)
	}
	return json.Marshal(out)
}

// valueJSON writes one value as it stands in a record's JSON.
func valueJSON(v schemas.Value) (json.RawMessage, error) {
	const at schemas.FieldID = 10
	b, err := schemas.EncodeJSON(&schemas.Form{}, schemas.Record{Fields: map[schemas.FieldID]schemas.Value{at: v}})
	if err != nil {
		return nil, fmt.Errorf("write value: %w", err)
	}
	var members map[string]struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, fmt.Errorf("write value: %w", err)
	}
	return members["#10"].Value, nil
}

// ExportPending writes what was not sent as JSON, one object a line, in clear:
// every pending change with what a person can read and, under raw, its exact
// bytes; then the stored drafts. It only reads, so it works when the disk is
// full. It returns how many lines it wrote.
//
// Whoever holds the file can read it: ExportSealed writes the same for the
// province's eyes only.
func (c *Client) ExportPending(ctx context.Context, w io.Writer) (n int, err error) {
	const doing = "export what is pending"
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	err = c.Pending(ctx, func(p PendingChange) error {
		n++
		return out.Encode(p)
	})
	if err != nil {
		return n, told(doing, err)
	}
	drafts, err := c.Drafts(ctx)
	if err != nil {
		return n, told(doing, err)
	}
	for _, x := range drafts {
		p, err := c.pendingDraft(ctx, x)
		if err != nil {
			return n, told(doing, err)
		}
		n++
		if err := out.Encode(p); err != nil {
			return n, told(doing, err)
		}
	}
	return n, nil
}

// pendingDraft is a draft's line; of one that cannot be opened, its raw bytes.
func (c *Client) pendingDraft(ctx context.Context, x DraftInfo) (PendingChange, error) {
	p := PendingChange{Kind: "draft", Draft: syncproto.RecordID(x.ID).String(), Record: x.Record.String(), Saved: x.Saved.UTC()}
	if x.Form != nil {
		p.Form = x.Form.Name
	}
	if x.Err == nil && x.Form != nil {
		d, err := c.OpenDraft(ctx, x.ID)
		if err != nil {
			return p, err
		}
		p.Values, err = d.JSON()
		return p, err
	}
	stored, err := c.store.Draft(ctx, x.ID)
	p.Raw = stored.Body
	return p, err
}

// ExportSealed writes the pending changes sealed for the holder of an X25519
// key; nil is the province's recovery key. It returns how many changes.
func (c *Client) ExportSealed(ctx context.Context, w io.Writer, to []byte) (int, error) {
	n, err := c.store.ExportPending(ctx, w, to)
	return n, told("export what is pending", err)
}
