package merge

import (
	"bytes"
	"cmp"
	"slices"

	"mahalleh/schemas"
	"mahalleh/syncproto"
)

// Content returns what a record's state shows, as the form language sees it.
// Fields that the form does not know stay in the state and do not appear.
func Content(form *schemas.Form, s *syncproto.RecordState) schemas.Record {
	r := schemas.Record{Form: form.ID, Fields: map[schemas.FieldID]schemas.Value{}}
	c := contents{s: s}
	c.index()
	for _, f := range form.Fields() {
		if v := c.field(f, syncproto.ItemID{}); !v.IsEmpty() {
			r.Fields[f.ID] = v
		}
	}
	return r
}

type contents struct {
	s *syncproto.RecordState
	// elements and items of each field, or of each field of an item.
	elements map[syncproto.CellKey][]syncproto.Value
	items    map[uint32][]syncproto.ItemID
}

func (c *contents) index() {
	c.elements = map[syncproto.CellKey][]syncproto.Value{}
	c.items = map[uint32][]syncproto.ItemID{}
	for k, cell := range c.s.Cells {
		if len(cell.Candidates) == 0 {
			continue
		}
		if k.Element != (syncproto.Value{}) {
			set := k
			set.Element = syncproto.Value{}
			c.elements[set] = append(c.elements[set], k.Element)
		}
		if k.Item != (syncproto.ItemID{}) && (k.Sub == syncproto.SubPresence || k.Sub == syncproto.SubFile) {
			c.items[k.Field] = append(c.items[k.Field], k.Item)
		}
	}
}

func (c *contents) field(f *schemas.Field, item syncproto.ItemID) schemas.Value {
	k := fieldCell(f, item)
	switch f.Type {
	case schemas.TypeComputed:
		return schemas.Value{}
	case schemas.TypeCodes:
		var codes []string
		for _, e := range c.elements[k] {
			if s, ok := e.AsText(); ok {
				codes = append(codes, s)
			}
		}
		return schemas.CodesValue(codes...)
	case schemas.TypeReferences:
		var ids []schemas.ID
		for _, e := range c.elements[k] {
			if id, ok := e.AsRef(); ok {
				ids = append(ids, id)
			}
		}
		return schemas.RefsValue(ids...)
	case schemas.TypeList:
		var rows []schemas.Item
		for _, id := range Rows(c.s, uint32(f.ID), c.items[uint32(f.ID)]) {
			row := schemas.Item{ID: id, Fields: map[schemas.FieldID]schemas.Value{}}
			for _, sub := range f.Fields {
				if v := c.field(sub, id); !v.IsEmpty() {
					row.Fields[sub.ID] = v
				}
			}
			rows = append(rows, row)
		}
		return schemas.ItemsValue(rows)
	case schemas.TypeAttachment:
		var files []schemas.Attachment
		for _, id := range c.items[uint32(f.ID)] {
			v := Look(c.s, syncproto.CellKey{Field: uint32(f.ID), Item: id, Sub: syncproto.SubFile}).Value
			if size, media, root, ok := v.AsAttachment(); ok {
				files = append(files, schemas.Attachment{ID: id, Size: size, MediaType: media, Root: root})
			}
		}
		return schemas.AttachmentsValue(files...)
	}
	return FromWire(Look(c.s, k).Value)
}

// fieldCell is the cell of a field of the record or, with an item, of a row.
func fieldCell(f *schemas.Field, item syncproto.ItemID) syncproto.CellKey {
	if item == (syncproto.ItemID{}) {
		return syncproto.CellKey{Field: uint32(f.ID)}
	}
	return syncproto.CellKey{Field: uint32(f.Parent), Item: item, Sub: uint32(f.ID)}
}

// Rows returns the items of a list that are there, in order: by order key, then
// by id. items are the list's items in any order.
func Rows(s *syncproto.RecordState, field uint32, items []syncproto.ItemID) []syncproto.ItemID {
	var rows []syncproto.ItemID
	keys := map[syncproto.ItemID]string{}
	for _, id := range items {
		here := Look(s, syncproto.CellKey{Field: field, Item: id, Sub: syncproto.SubPresence})
		if alive, _ := here.Value.AsBool(); !alive {
			continue
		}
		keys[id], _ = Look(s, syncproto.CellKey{Field: field, Item: id, Sub: syncproto.SubPlace}).Value.AsText()
		rows = append(rows, id)
	}
	slices.SortFunc(rows, func(a, b syncproto.ItemID) int {
		return cmp.Or(cmp.Compare(keys[a], keys[b]), bytes.Compare(a[:], b[:]))
	})
	return rows
}
