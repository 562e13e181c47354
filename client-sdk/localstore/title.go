package localstore

import (
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// titleGap stands between the parts of a title.
const titleGap = " · "

// face is what the index keeps of a record's content.
type face struct {
	lead  syncproto.RecordID // a reference that leads the title
	own   string             // the rest of the title
	words string             // what search looks through, unfolded
	links []link
	peers []schemas.PeerKey
}

type link struct {
	field  uint32
	target syncproto.RecordID
}

// faceOf reads the listed fields of a record: titles, searched fields,
// references. Of a form that is not known here there is nothing to read.
func faceOf(pkg *schemas.Package, state *syncproto.RecordState) face {
	var f face
	if pkg == nil {
		return f
	}
	form, ok := pkg.Form(schemas.FormID(state.Form))
	if !ok {
		return f
	}
	r := merge.Content(form, state)
	f.peers = schemas.FileKeys(form, r)
	var parts, words []string
	for i, id := range form.Title {
		v := r.Fields[id]
		if v.Kind() == schemas.KindRef {
			if i == 0 {
				f.lead = v.Ref()
			}
			continue
		}
		if s := plainText(pkg, form, id, v); s != "" {
			parts = append(parts, s)
		}
	}
	f.own = strings.Join(parts, titleGap)
	words = append(words, parts...)
	for _, id := range form.Search {
		if s := plainText(pkg, form, id, r.Fields[id]); s != "" {
			words = append(words, s)
		}
	}
	f.words = strings.Join(words, "\n")
	for _, field := range form.Fields() {
		v := r.Fields[field.ID]
		switch v.Kind() {
		case schemas.KindRef:
			f.links = append(f.links, link{uint32(field.ID), v.Ref()})
		case schemas.KindRefs:
			for _, id := range v.Refs() {
				f.links = append(f.links, link{uint32(field.ID), id})
			}
		}
	}
	return f
}

// plainText returns a single value as a Persian reader finds it in a list, with
// plain digits; "" for kinds that no list shows.
func plainText(pkg *schemas.Package, form *schemas.Form, id schemas.FieldID, v schemas.Value) string {
	label := func(code string) string {
		if field, ok := form.Field(id); ok {
			if list, ok := pkg.List(field.List); ok {
				if item, ok := list.Item(code); ok {
					return item.Label.Fa
				}
			}
		}
		return code
	}
	switch v.Kind() {
	case schemas.KindText:
		return v.Text()
	case schemas.KindInt:
		return strconv.FormatInt(v.Int(), 10)
	case schemas.KindDecimal:
		return v.Decimal().String()
	case schemas.KindCode:
		return label(v.Code())
	case schemas.KindCodes:
		var all []string
		for _, c := range v.Codes() {
			all = append(all, label(c))
		}
		return strings.Join(all, " ")
	case schemas.KindDate:
		if d, err := jalali.Day(v.Date()).Date(); err == nil {
			return d.String()
		}
	}
	return ""
}
