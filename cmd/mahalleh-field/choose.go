package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
	"mahalleh/syncproto"
)

// option is something to choose by its number.
type option struct {
	number string // what is typed
	text   string // what it stands for
	label  string
}

// options are what a question lets one choose from: codes, or records.
func (q *asker) options(ctx context.Context, f *schemas.Field) ([]option, error) {
	if isReference(f) {
		return q.search(ctx, f, "")
	}
	list, ok := q.Forms().List(f.List)
	if !ok {
		return nil, nil
	}
	var all []option
	numbers := true
	for _, item := range q.open(list) {
		all = append(all, option{text: item.Code, label: item.Label.In(q.lang())})
		_, err := strconv.Atoi(item.Code)
		numbers = numbers && err != nil
	}
	for i := range all {
		all[i].number = plain(int64(i + 1))
		if !numbers {
			// Codes that are numbers themselves are chosen by what they are.
			all[i].number = all[i].text
		}
	}
	return all, nil
}

// open are the items of a list that may be chosen today, and, where an answer
// before says under which item of another list, only those under it.
func (q *asker) open(list *schemas.CodeList) []schemas.CodeItem {
	today := int32(q.Today())
	values := q.draft.Values()
	parents := map[string]bool{}
	for _, f := range q.draft.Form().Fields() {
		if v := values.Fields[f.ID]; f.List != "" && f.List != list.Name && v.Kind() == schemas.KindCode {
			parents[f.List+"\n"+v.Code()] = true
			parents[f.List] = true
		}
	}
	var items []schemas.CodeItem
	for _, item := range list.Items {
		switch {
		case !item.ValidFrom.IsEmpty() && today < item.ValidFrom.Date(), !item.ValidTo.IsEmpty() && today > item.ValidTo.Date(), item.ReplacedBy != "":
		case item.ParentList != "" && parents[item.ParentList] && !parents[item.ParentList+"\n"+item.Parent]:
		default:
			items = append(items, item)
		}
	}
	return items
}

// maxChoices bounds how many records a question offers; more are found by
// typing a part of their title.
const maxChoices = 20

// search finds records to which a field may refer.
func (q *asker) search(ctx context.Context, f *schemas.Field, text string) ([]option, error) {
	var all []option
	for _, form := range f.Forms {
		if _, ok := q.Forms().FormByName(form); !ok {
			continue // a form of a later package
		}
		page, err := q.List(ctx, clientsdk.Query{Form: form, Text: text, Max: maxChoices})
		if errors.Is(err, clientsdk.ErrLeaseOver) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, r := range page.Rows {
			if len(all) < maxChoices && r.Title != "" {
				all = append(all, option{number: plain(int64(len(all) + 1)), text: syncproto.RecordID(r.ID).String(), label: r.Title + " [" + shortID(r.ID.String()) + "]"})
			}
		}
	}
	return all, nil
}

func isReference(f *schemas.Field) bool {
	return f.Type == schemas.TypeReference || f.Type == schemas.TypeReferences
}

func (q *asker) sayOptions(options []option) {
	for _, o := range options {
		q.tell(2, q.app.T("field.ask.option", cli.Args{"n": digits(q.app, o.number), "label": o.label}))
	}
}

// chosen replaces numbers of options by what they stand for; other words stay.
func chosen(options []option, answer string) string {
	if len(options) == 0 {
		return answer
	}
	find := func(word string) (string, bool) {
		word = persian.ToASCIIDigits(strings.TrimSpace(word))
		for _, o := range options {
			if o.number == word || o.text == word {
				return o.text, true
			}
		}
		return "", false
	}
	if text, ok := find(answer); ok {
		return text
	}
	words := strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(" ,،;؛", r) })
	for i, word := range words {
		text, ok := find(word)
		if !ok {
			return answer // a label, or a part of a title
		}
		words[i] = text
	}
	return strings.Join(words, ",")
}
