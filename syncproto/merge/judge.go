package merge

import (
	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Judge says whether a change can be applied at all, looking at nothing but the
// change and the forms: ReasonNone, or why it must be set aside, and the cell
// that is at fault. A value that breaks its field's rule, which a person may
// release all the same, is named only if nothing worse is found. If the form is not among them, or the change was written
// with a later package of forms, only its structure is judged, and it is kept
// and passed on. forms may be nil.
func Judge(forms *schemas.Package, ch *syncproto.Change) (syncproto.Reason, syncproto.CellKey) {
	var form *schemas.Form
	if forms != nil && int64(ch.Header.Package) <= int64(forms.Version) {
		form, _ = forms.Form(schemas.FormID(ch.Header.Form))
	}
	for _, f := range ch.Header.Extra {
		if f.Critical() {
			return syncproto.ReasonTooNew, syncproto.CellKey{}
		}
	}
	if ch.Header.Verb < syncproto.VerbCreate || ch.Header.Verb > syncproto.VerbSettle {
		return syncproto.ReasonTooNew, syncproto.CellKey{}
	}
	if ch.Header.Form == 0 || ch.Header.Scope.IsZero() {
		return syncproto.ReasonMalformed, syncproto.CellKey{}
	}
	var seen cellSet
	reason, at := syncproto.ReasonNone, syncproto.CellKey{}
	for i := range ch.Ops {
		op := &ch.Ops[i]
		k := CellOf(op)
		if !seen.add(&k) {
			return syncproto.ReasonMalformed, k
		}
		if r := judgeShape(op); r != syncproto.ReasonNone {
			return r, k
		}
		if form != nil {
			switch r := judgeField(forms, form, op, civilDay(&ch.Header)); {
			case r == syncproto.ReasonNone:
			case r != syncproto.ReasonBadValue:
				return r, k
			case reason == syncproto.ReasonNone:
				reason, at = r, k
			}
		}
	}
	return reason, at
}

// cellSet holds the cells that came up. To look through the few of most changes takes
// a fraction of what to hash them does.
type cellSet struct {
	few  [usualOps / 2]syncproto.CellKey
	n    int
	many map[syncproto.CellKey]bool
}

// add reports whether the cell came up for the first time.
func (c *cellSet) add(k *syncproto.CellKey) bool {
	if c.n < len(c.few) {
		for i := range c.n {
			if other := &c.few[i]; other.Field == k.Field && *other == *k {
				return false
			}
		}
		c.few[c.n] = *k
		c.n++
		return true
	}
	if c.many == nil {
		c.many = map[syncproto.CellKey]bool{}
		for _, other := range c.few {
			c.many[other] = true
		}
	}
	before := len(c.many)
	c.many[*k] = true
	return len(c.many) > before
}

// judgeShape checks that an operation of a known kind stands where it may and
// carries a value that its kind allows.
func judgeShape(op *syncproto.Op) syncproto.Reason {
	v := op.Value.Type
	item := op.Item != (syncproto.ItemID{})
	form := op.Field >= syncproto.FirstFormField && (!item || op.Sub >= syncproto.FirstFormField)
	ok := false
	switch op.Kind {
	case syncproto.OpSet:
		if op.Field == syncproto.FieldPresence {
			ok = !item && (v == syncproto.TypeTrue || v == syncproto.TypeFalse)
			break
		}
		ok = form && v != syncproto.TypeIncrement && v != syncproto.TypeTransition && v != syncproto.TypePlace &&
			v != syncproto.TypeAttachment && v != syncproto.TypeScope && v != syncproto.TypeLongText
	case syncproto.OpText:
		ok = form && (v == syncproto.TypeLongText || v == syncproto.TypeNone)
	case syncproto.OpSetAdd, syncproto.OpSetRemove:
		ok = form && v != syncproto.TypeNone && v != syncproto.TypeIncrement && v != syncproto.TypeTransition
	case syncproto.OpIncrement:
		ok = form && v == syncproto.TypeIncrement && len(op.Names) == 0
	case syncproto.OpItemPut, syncproto.OpItemRemove:
		ok = item && op.Field >= syncproto.FirstFormField && op.Sub == syncproto.SubPresence && v == syncproto.TypeNone
	case syncproto.OpItemPlace:
		ok = item && op.Field >= syncproto.FirstFormField && op.Sub == syncproto.SubPlace && v == syncproto.TypePlace && isKey(op.Value.Bytes())
	case syncproto.OpAttachAdd:
		ok = item && op.Field >= syncproto.FirstFormField && op.Sub == syncproto.SubFile && v == syncproto.TypeAttachment
	case syncproto.OpAttachRemove:
		ok = item && op.Field >= syncproto.FirstFormField && op.Sub == syncproto.SubFile && v == syncproto.TypeNone
	case syncproto.OpTransition:
		ok = form && !item && v == syncproto.TypeTransition
	case syncproto.OpMove:
		ok = op.Field == syncproto.FieldHome && !item && v == syncproto.TypeScope && len(op.Names) > 0
	default:
		if op.Critical {
			return syncproto.ReasonTooNew
		}
		ok = true
	}
	if !ok {
		return syncproto.ReasonMalformed
	}
	return syncproto.ReasonNone
}

// judgeField checks an operation against the type and the single-field rules
// of the form. A field that the form does not know is kept.
func judgeField(lists schemas.Lists, form *schemas.Form, op *syncproto.Op, today int32) syncproto.Reason {
	if op.Field < syncproto.FirstFormField {
		return syncproto.ReasonNone
	}
	id := op.Field
	if op.Sub >= syncproto.FirstFormField {
		id = op.Sub
	}
	f, known := form.Field(schemas.FieldID(id))
	if !known {
		return syncproto.ReasonNone
	}
	if (op.Item != (syncproto.ItemID{}) && op.Sub >= syncproto.FirstFormField) != (f.Parent != 0) || f.Parent != 0 && uint32(f.Parent) != op.Field {
		return syncproto.ReasonBadType
	}
	fits := false
	switch op.Kind {
	case syncproto.OpSet:
		fits = scalar(f.Type) && fitsType(f.Type, op.Value.Type)
	case syncproto.OpText:
		fits = f.Type == schemas.TypeLongText
	case syncproto.OpSetAdd, syncproto.OpSetRemove:
		fits = (f.Type == schemas.TypeCodes || f.Type == schemas.TypeReferences) && fitsType(f.Type, op.Value.Type)
	case syncproto.OpIncrement:
		fits = f.Type == schemas.TypeCounter
	case syncproto.OpItemPut, syncproto.OpItemRemove, syncproto.OpItemPlace:
		fits = f.Type == schemas.TypeList
	case syncproto.OpAttachAdd, syncproto.OpAttachRemove:
		fits = f.Type == schemas.TypeAttachment
	case syncproto.OpTransition:
		fits = f.Type == schemas.TypeState
	default:
		fits = true
	}
	if !fits {
		return syncproto.ReasonBadType
	}
	return judgeValue(lists, f, op, today)
}

// judgeValue checks a new value by the rules of its field alone. How many
// entries a set or a list has is not one operation's to answer for.
func judgeValue(lists schemas.Lists, f *schemas.Field, op *syncproto.Op, today int32) syncproto.Reason {
	v := FromWire(op.Value)
	switch op.Kind {
	case syncproto.OpSetAdd:
		v = schemas.CodesValue(v.Code())
		if f.Type == schemas.TypeReferences {
			return syncproto.ReasonNone
		}
	case syncproto.OpTransition:
		_, to, _ := op.Value.AsTransition()
		v = schemas.CodeValue(to)
	case syncproto.OpSet, syncproto.OpText:
	default:
		return syncproto.ReasonNone
	}
	for _, p := range schemas.CheckValue(f, lists, v, today) {
		if p.Level == schemas.LevelError && p.Rule != schemas.RuleEntries {
			return syncproto.ReasonBadValue
		}
	}
	return syncproto.ReasonNone
}

// civilDay is the day on which the author saved, as days since 1970-01-01. The
// hours between Tehran and Greenwich do not matter to any rule of one field.
func civilDay(h *syncproto.Header) int32 {
	const day = 24 * 60 * 60 * 1000
	return int32(max(-1<<30, min(1<<30, h.AuthorTime()/day)))
}

func scalar(t schemas.Type) bool {
	switch t {
	case schemas.TypeCodes, schemas.TypeReferences, schemas.TypeList, schemas.TypeAttachment, schemas.TypeCounter,
		schemas.TypeState, schemas.TypeLongText, schemas.TypeComputed:
		return false
	}
	return true
}
