package clientsdk

import (
	"context"
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/syncproto"
	"mahalleh/syncproto/merge"
)

// titleGap stands between the parts of a title, as in lists.
const titleGap = " · "

// Label is the title of a record in a language ("fa" or "en"), for showing a
// reference; "" if the device does not hold the record, which is no error: a
// reference may point to where its reader has no right.
func (c *Client) Label(ctx context.Context, id syncproto.RecordID, lang string) (string, error) {
	t, err := c.label(ctx, id, lang, true)
	return t, told("read title", err)
}

func (c *Client) label(ctx context.Context, id syncproto.RecordID, lang string, lead bool) (string, error) {
	h, err := c.store.State(ctx, id)
	if err != nil || !h.State.Exists() || h.State.Erased {
		return "", err
	}
	return c.titleOf(ctx, h.State, lang, lead)
}

// titleOf joins what a form's title fields show. A reference in front brings
// the title of its record, once: what leads is not led itself.
func (c *Client) titleOf(ctx context.Context, s *syncproto.RecordState, lang string, lead bool) (string, error) {
	form, ok := c.forms.Form(schemas.FormID(s.Form))
	if !ok {
		return "", nil
	}
	return c.titleOfValues(ctx, form, merge.Content(form, s), lang, lead)
}

func (c *Client) titleOfValues(ctx context.Context, form *schemas.Form, values schemas.Record, lang string, lead bool) (string, error) {
	var parts []string
	for i, id := range form.Title {
		f, ok := form.Field(id)
		if !ok {
			continue
		}
		v := values.Fields[id]
		part := c.plain(f, v, lang)
		if v.Kind() == schemas.KindRef && i == 0 && lead {
			var err error
			if part, err = c.label(ctx, syncproto.RecordID(v.Ref()), lang, false); err != nil {
				return "", err
			}
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, titleGap), nil
}

// plain writes a value that a title may hold, with plain digits.
func (c *Client) plain(f *schemas.Field, v schemas.Value, lang string) string {
	code := func(code string) string {
		if list, ok := c.forms.List(f.List); ok {
			if item, ok := list.Item(code); ok {
				return item.Label.In(lang)
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
		return code(v.Code())
	case schemas.KindCodes:
		var all []string
		for _, x := range v.Codes() {
			all = append(all, code(x))
		}
		return strings.Join(all, " ")
	case schemas.KindDate:
		if d, err := jalali.Day(v.Date()).Date(); err == nil {
			return d.String()
		}
	}
	return ""
}
