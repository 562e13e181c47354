package schemas

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mahalleh/schemas/expr"
)

// MaxRecordJSON bounds what DecodeJSON reads: a change may carry 256 KiB, and
// JSON for people is several times wordier.
const MaxRecordJSON = 4 << 20

// Bounds on what one field may hold when its form sets none. A change of 256 KiB
// is the outer wall; these keep one field from filling it, and checks from growing slow.
const (
	DefaultTextLength     = 1_000  // code points of a text
	DefaultLongTextLength = 20_000 // code points of a long text
	MaxEntries            = 500    // rows, codes, references or files of a field
	MaxCorners            = expr.MaxCorners
)

// FieldError says which field of the input cannot be read, what is wrong with it
// and what to do, in both languages.
type FieldError struct {
	Path    string // field name; "list[2].field" in the second row; empty for the whole input
	Message Text
}

// Error returns the path and the English message.
func (e *FieldError) Error() string {
	if e.Path == "" {
		return e.Message.En
	}
	return e.Path + ": " + e.Message.En
}

// DecodeJSON reads a record as people and the command line write it: an object of
// field names and values. Dates are ISO or Jalali texts, decimals are exact,
// numbers may be typed as text with Persian digits, codes may be given by their
// label (lists may be nil when that is not wanted), references are UUID texts,
// rows are objects with an optional "id". Texts are cleaned. A null stands in the
// record as an empty value and means "clear". It returns a *FieldError that names
// the first field that cannot be read. Rules of the form are Validate's matter.
func DecodeJSON(form *Form, lists Lists, data []byte) (Record, error) {
	if len(data) > MaxRecordJSON {
		return Record{}, &FieldError{Message: say(msgNotJSON, numberArg("detail", fmt.Sprintf("> %d", MaxRecordJSON)))}
	}
	root, err := parseJSON(data)
	if err == nil && !root.isObject() {
		err = errors.New("not an object")
	}
	if err != nil {
		return Record{}, &FieldError{Message: say(msgNotJSON, wordArg("detail", err.Error()))}
	}
	reader := jsonReader{form: form, lists: lists}
	fields, err := reader.fields(root, "", form.fields, form.byName)
	if err != nil {
		return Record{}, err
	}
	return Record{Form: form.ID, Fields: fields}, nil
}

// ParseInput reads the value of one field from the text a person typed: at a
// terminal, in a flag or in a form of the browser. Codes, references and the
// numbers of a point are separated by commas or spaces. Lists, polygons and
// attachments are read as JSON. An empty text is the empty value. It returns a *FieldError.
func ParseInput(form *Form, lists Lists, field *Field, text string) (Value, error) {
	reader := jsonReader{form: form, lists: lists}
	switch field.Type {
	case TypeList, TypePolygon, TypeAttachment:
		if strings.TrimSpace(text) == "" {
			return Value{}, nil
		}
		root, err := parseJSON([]byte(text))
		if err != nil {
			return Value{}, &FieldError{Path: field.Name, Message: say(msgNotJSON, wordArg("detail", err.Error()))}
		}
		return reader.value(root, field.Name, field)
	}
	return reader.value(node{token: text}, field.Name, field)
}

type jsonReader struct {
	form  *Form
	lists Lists
}

// fields reads the members of an object; known and byName are the fields it may name.
func (r jsonReader) fields(object node, prefix string, known []*Field, byName map[string]*Field) (map[FieldID]Value, error) {
	fields := make(map[FieldID]Value, len(object.members))
	for _, m := range object.members {
		path := prefix + m.name
		field, ok := byName[m.name]
		if !ok || strings.Contains(m.name, ".") {
			id, value, err := readUnknown(m.name, m.value)
			if err != nil {
				return nil, r.unknown(path, m.name, known)
			}
			fields[id] = value
			continue
		}
		value, err := r.value(m.value, path, field)
		if err != nil {
			return nil, err
		}
		fields[field.ID] = value
	}
	return fields, nil
}

func (r jsonReader) unknown(path, name string, known []*Field) error {
	names := make([]string, len(known))
	for i, field := range known {
		names[i] = field.Name
	}
	args := []arg{textArg("form", r.form.Label), wordArg("name", clip(name))}
	if near, ok := nearest(name, names); ok {
		return &FieldError{path, say(msgUnknownFieldNear, append(args, wordArg("near", near))...)}
	}
	return &FieldError{path, say(msgUnknownField, args...)}
}

// value reads the value of one field; n is what stands in the JSON.
func (r jsonReader) value(n node, path string, field *Field) (Value, error) {
	if n.isNull() {
		return Value{}, nil
	}
	fail := func(key messageKey, args ...arg) (Value, error) {
		args = append(args, labelArg(field.Label), wordArg("value", n.show()))
		return Value{}, &FieldError{path, say(key, args...)}
	}
	text, isText := n.token.(string)
	if isText {
		var ok bool
		if text, ok = cleanInput(text, field.Type == TypeLongText); !ok {
			return fail(msgBrokenText)
		}
		if text == "" {
			return Value{}, nil
		}
	}
	switch field.Type {
	case TypeText, TypeLongText:
		if number, ok := n.token.(json.Number); ok {
			return TextValue(field.Format.stored(number.String())), nil // a household number or phone written without quotation marks
		}
		if !isText {
			return fail(msgWantText)
		}
		return TextValue(field.Format.stored(text)), nil
	case TypeBoolean:
		if b, ok := n.token.(bool); ok {
			return BoolValue(b), nil
		}
		if b, ok := readBool(text); ok {
			return BoolValue(b), nil
		}
		return fail(msgWantBool)
	case TypeInteger, TypeMoney, TypeCounter, TypeJalaliYear, TypeDecimal:
		return readNumber(n, text, field, fail)
	case TypeDate:
		days, err := readDate(text)
		if err != nil {
			return fail(askDate(err))
		}
		return DateValue(days), nil
	case TypeCode, TypeState:
		if !isText {
			return fail(msgWantCode)
		}
		return CodeValue(r.code(field.List, text)), nil
	case TypeCodes:
		words, ok := r.words(n, text, field)
		if !ok {
			return fail(msgWantCodes)
		}
		if len(words) > MaxEntries {
			return fail(msgTooManyValues, countArg("count", len(words)), countArg("max", MaxEntries))
		}
		for i, word := range words {
			words[i] = r.code(field.List, word)
		}
		return CodesValue(words...), nil
	case TypeReference:
		id, ok := readID(text)
		if !ok {
			return fail(msgWantRef)
		}
		return RefValue(id), nil
	case TypeReferences:
		words, ok := r.words(n, text, field)
		if !ok {
			return fail(msgWantRefs)
		}
		if len(words) > MaxEntries {
			return fail(msgTooManyValues, countArg("count", len(words)), countArg("max", MaxEntries))
		}
		ids := make([]ID, len(words))
		for i, word := range words {
			if ids[i], ok = readID(word); !ok {
				return fail(msgWantRef, wordArg("value", clip(word)))
			}
		}
		return RefsValue(ids...), nil
	case TypePoint:
		point, err := readPoint(n, text)
		if err != nil {
			return fail(msgWantPoint, wordArg("detail", err.Error()))
		}
		return PointValue(point), nil
	case TypePolygon:
		ring, err := readRing(n)
		if err != nil {
			return fail(msgWantPolygon, wordArg("detail", err.Error()))
		}
		return PolygonValue(ring), nil
	case TypeList:
		return r.rows(n, path, field, fail)
	case TypeAttachment:
		files, err := readAttachments(n)
		if err != nil {
			return fail(msgWantAttachments, wordArg("detail", err.Error()))
		}
		return AttachmentsValue(files...), nil
	}
	return fail(msgComputedGiven)
}

func (r jsonReader) rows(n node, path string, field *Field, fail func(messageKey, ...arg) (Value, error)) (Value, error) {
	if !n.isArray() {
		return fail(msgWantItems)
	}
	if len(n.items) > MaxEntries {
		return fail(msgTooManyValues, countArg("count", len(n.items)), countArg("max", MaxEntries))
	}
	items := make([]Item, 0, len(n.items))
	for i, row := range n.items {
		if !row.isObject() {
			return fail(msgWantItems)
		}
		item := Item{}
		rest := node{token: row.token}
		for _, m := range row.members {
			if m.name != "id" {
				rest.members = append(rest.members, m)
				continue
			}
			text, _ := m.value.token.(string)
			id, ok := readID(text)
			if !ok {
				return fail(msgBadItemID, wordArg("value", m.value.show()))
			}
			item.ID = id
		}
		var err error
		item.Fields, err = r.fields(rest, path+"["+strconv.Itoa(i+1)+"].", field.Fields, field.byName)
		if err != nil {
			return Value{}, err
		}
		items = append(items, item)
	}
	return ItemsValue(items), nil
}

// words reads a list of texts from a JSON array or from one text with separators.
// A text that is a label of the field's list, or a code of it, stays whole.
func (r jsonReader) words(n node, text string, field *Field) ([]string, bool) {
	if text != "" {
		if field.List != "" {
			if _, ok := r.lookup(field.List, text); ok {
				return []string{text}, true
			}
		}
		parts := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '،' || c == ';' || c == '؛' || c == '\n' })
		if len(parts) == 1 {
			parts = strings.Fields(text)
		}
		words := parts[:0]
		for _, part := range parts {
			if part = cleanWord(part); part != "" {
				words = append(words, part)
			}
		}
		return words, true
	}
	if !n.isArray() {
		return nil, false
	}
	words := make([]string, 0, min(len(n.items), MaxEntries+1))
	for _, item := range n.items {
		word, ok := item.token.(string)
		if !ok {
			return nil, false
		}
		if word = cleanWord(word); word != "" {
			words = append(words, word)
		}
	}
	return words, true
}

// code returns the code that text names: itself, or the code whose label it is.
// An unknown text is returned as it is, for Validate to name.
func (r jsonReader) code(list, text string) string {
	if code, ok := r.lookup(list, text); ok {
		return code
	}
	return text
}

func (r jsonReader) lookup(list, text string) (string, bool) {
	if r.lists == nil {
		return "", false
	}
	codes, ok := r.lists.List(list)
	if !ok {
		return "", false
	}
	if _, ok := codes.byCode[text]; ok {
		return text, true
	}
	if code := strings.ToLower(text); code != text {
		if _, ok := codes.byCode[code]; ok {
			return code, true
		}
	}
	for _, item := range codes.Items {
		if cleanWord(item.Label.Fa) == text || strings.EqualFold(item.Label.En, text) {
			return item.Code, true
		}
	}
	return "", false
}

func readAttachments(n node) ([]Attachment, error) {
	if !n.isArray() {
		return nil, errors.New("not a list")
	}
	if len(n.items) > MaxEntries {
		return nil, fmt.Errorf("more than %d files", MaxEntries)
	}
	files := make([]Attachment, 0, len(n.items))
	for _, item := range n.items {
		var file Attachment
		for _, m := range item.members {
			text, _ := m.value.token.(string)
			ok := false
			switch m.name {
			case "id":
				file.ID, ok = readID(text)
			case "size":
				number, _ := m.value.token.(json.Number)
				size, err := strconv.ParseUint(number.String(), 10, 63)
				file.Size, ok = size, err == nil
			case "media_type":
				file.MediaType, ok = text, text != "" && len(text) <= 100
			case "root":
				root, err := hex.DecodeString(text)
				ok = err == nil && len(root) == len(file.Root)
				copy(file.Root[:], root)
			}
			if !ok {
				return nil, fmt.Errorf("%s: %s", clip(m.name), m.value.show())
			}
		}
		if file.ID == (ID{}) || file.MediaType == "" {
			return nil, errors.New("id and media_type are needed")
		}
		files = append(files, file)
	}
	return files, nil
}
