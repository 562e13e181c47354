package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/persian"
)

// What may be typed instead of an answer.
const (
	answerClear   = "-" // empties the field
	answerOffered = "=" // takes the value that the form offers
	answerExplain = "?" // shows the hint and why it is asked
	answerEnd     = "." // ends the questions
)

// errEnd ends the questions because the person wants to.
var errEnd = errors.New("no more questions")

// asker asks the questions of one form.
type asker struct {
	*device
	draft *clientsdk.Draft
	given bool // something was answered
}

// askForm asks question by question, section by section. Each answer is kept
// on the disk at once: whatever ends the questions, what was typed is a draft.
func (d *device) askForm(ctx context.Context, draft *clientsdk.Draft) error {
	if !d.app.Interactive() {
		return &cli.Error{Code: cli.Usage, Key: "field.ask.no_terminal", Args: cli.Args{"form": draft.Form().Name}, Hint: "field.ask.no_terminal_hint"}
	}
	q := &asker{device: d, draft: draft}
	q.tell(0, q.app.T("field.ask.intro", cli.Args{"form": draft.Form().Label.In(d.lang())}))
	err := q.sections(ctx)
	switch {
	case errors.Is(err, errEnd):
		return nil
	case err != nil && q.given:
		q.tell(0, q.app.T("field.ask.kept", cli.Args{"id": shortID(draft.Record().String())}))
	}
	return err
}

func (q *asker) sections(ctx context.Context) error {
	for _, s := range q.draft.Form().Sections {
		headed := false
		for _, f := range s.Fields {
			// What is asked depends on the answers before it.
			if !q.draft.Assess().Relevant(f.ID) || !f.Stored() {
				continue
			}
			if !headed {
				headed = true
				q.tell(0, q.app.T("field.ask.section", cli.Args{"section": s.Label.In(q.lang())}))
			}
			if err := q.field(ctx, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell writes a text for the person who is asked, even with --quiet, indented
// by some columns.
func (q *asker) tell(indent int, text string) {
	// An error stream that was closed shows at the next question.
	_, _ = fmt.Fprintf(q.app.Stderr(), "%*s%s\n", indent, "", text)
}

func (q *asker) field(ctx context.Context, f *schemas.Field) error {
	switch {
	case f.Type == schemas.TypeAttachment:
		q.tell(2, q.app.T("field.ask.no_files", cli.Args{"label": f.Label.In(q.lang())}))
		return nil
	case f.Type == schemas.TypeState && !q.draft.IsNew() && !q.draft.Values().Fields[f.ID].IsEmpty():
		q.tell(2, q.app.T("field.ask.state", cli.Args{"label": f.Label.In(q.lang()), "value": q.shown(ctx, f, q.draft.Values().Fields[f.ID])}))
		return nil
	case f.Type == schemas.TypeList:
		return q.list(ctx, f)
	}
	offer := q.draft.Offers()[f.ID]
	return q.question(ctx, question{
		field: f, offer: offer,
		now:   func() (schemas.Value, string) { return q.draft.Value(f.Name) },
		put:   func(v schemas.Value) error { return q.draft.SetValue(f.Name, v) },
		typed: func(text string) error { return q.draft.Set(f.Name, text) },
		problems: func() []schemas.Problem {
			return problemsOf(q.draft, func(p schemas.Problem) bool { return lastOf(q.draft.Form(), p) == f.ID })
		},
	})
}

// question is one question: of a field, or of a column in a row.
type question struct {
	field *schemas.Field
	offer schemas.Value
	// now is what stands there, and the text that could not be read.
	now func() (schemas.Value, string)
	put func(schemas.Value) error
	// typed keeps a text that cannot be read.
	typed    func(string) error
	problems func() []schemas.Problem
}

// lastOf is the field of a problem that is asked last: a rule over several
// fields is no news before the person has seen them all.
func lastOf(form *schemas.Form, p schemas.Problem) schemas.FieldID {
	last := p.Field
	for _, f := range form.Fields() {
		if f.ID == p.Field || slices.Contains(p.Others, f.ID) {
			last = f.ID
		}
	}
	return last
}

// problemsOf are the problems of a draft that are worth a word while it is
// filled: what is still empty is asked later.
func problemsOf(draft *clientsdk.Draft, is func(schemas.Problem) bool) []schemas.Problem {
	return slices.DeleteFunc(draft.Problems(), func(p schemas.Problem) bool {
		return !is(p) || p.Level == schemas.LevelMissing || p.Level == schemas.LevelIncomplete
	})
}

func (q *asker) question(ctx context.Context, x question) error {
	q.explain(ctx, x)
	options, err := q.options(ctx, x.field)
	if err != nil {
		return err
	}
	q.sayOptions(options)
	for {
		preset := q.preset(ctx, x)
		answer, err := q.app.Ask(ctx, q.label(x.field), preset, "")
		if err != nil {
			return err
		}
		switch strings.TrimSpace(answer) {
		case "", preset:
			return nil // as it is
		case answerEnd:
			return errEnd
		case answerExplain:
			q.explainMore(x.field)
			continue
		}
		again, more, err := q.take(ctx, x, options, answer)
		if err != nil {
			return err
		}
		if more != nil {
			options = more
		}
		if !again {
			return nil
		}
	}
}

// take gives a question its answer; again asks once more, more are other
// options to choose from.
func (q *asker) take(ctx context.Context, x question, options []option, answer string) (again bool, more []option, err error) {
	v, text, err := q.read(ctx, x, options, answer)
	var bad *schemas.FieldError
	var told *cli.Error
	switch {
	case errors.As(err, &bad) && isReference(x.field):
		more, err = q.search(ctx, x.field, answer)
		if err == nil && len(more) == 0 {
			q.tell(2, q.app.T("field.ask.none_found", cli.Args{"text": answer}))
		}
		q.sayOptions(more)
		return true, more, err
	case errors.As(err, &bad):
		// It is kept as it was typed until it is mended.
		_ = x.typed(text)
		q.given = true
		if err := q.draft.Autosave(ctx); err != nil {
			return false, nil, err
		}
		q.tell(2, q.app.T("field.ask.problem", cli.Args{"message": bad.Message.In(q.lang())}))
		return true, nil, nil
	case errors.As(err, &told):
		q.tell(2, q.app.T("field.ask.problem", cli.Args{"message": q.app.T(told.Key, told.Args) + " " + q.app.T(told.Hint, told.Args)}))
		return true, nil, nil
	case err != nil:
		return false, nil, err
	}
	if err := x.put(v); err != nil {
		return false, nil, err
	}
	q.given = true
	if err := q.draft.Autosave(ctx); err != nil {
		return false, nil, err
	}
	if x.field.Type == schemas.TypeMoney && !v.IsEmpty() {
		q.tell(2, q.app.T("field.ask.money", cli.Args{"amount": q.money(v.Int()), "words": persian.MoneyWords(v.Int())}))
	}
	for _, p := range x.problems() {
		q.tell(2, q.app.T("field.ask.problem", cli.Args{"message": p.Message.In(q.lang())}))
		again = again || p.Level == schemas.LevelError
	}
	return again, nil, nil
}

// read reads an answer: what it stands for, a choice by number, or the value.
func (q *asker) read(ctx context.Context, x question, options []option, answer string) (v schemas.Value, text string, err error) {
	switch answer {
	case answerClear:
		return schemas.Value{}, "", nil
	case answerOffered:
		if !x.offer.IsEmpty() {
			return x.offer, "", nil
		}
	}
	text = chosen(options, answer)
	v, err = q.parse(ctx, q.draft.Form(), x.field, text)
	if err == nil && x.field.List != "" {
		err = q.unknownCode(x.field, v)
	}
	return v, text, err
}

// unknownCode refuses a code that its list does not have, beside the question.
func (q *asker) unknownCode(f *schemas.Field, v schemas.Value) error {
	for _, p := range schemas.CheckValue(f, q.Forms(), v, int32(q.Today())) {
		if p.Level == schemas.LevelError && p.Rule == schemas.RuleList {
			return &schemas.FieldError{Path: f.Name, Message: p.Message}
		}
	}
	return nil
}

// preset is what the question shows as its answer so far.
func (q *asker) preset(ctx context.Context, x question) string {
	v, typed := x.now()
	switch {
	case typed != "":
		return typed
	case v.IsEmpty():
		return ""
	}
	return q.shown(ctx, x.field, v)
}

func (q *asker) label(f *schemas.Field) string {
	label := needSign(f.Required) + " " + f.Label.In(q.lang())
	switch {
	case f.Type == schemas.TypeMoney:
		label += " (" + q.app.T("field.ask.toman") + ")"
	case f.Unit.Fa != "":
		label += " (" + f.Unit.In(q.lang()) + ")"
	case f.Type == schemas.TypeDate:
		label += " (" + digits(q.app, q.app.T("field.ask.date")) + ")"
	case f.Type == schemas.TypeBoolean:
		label += " (" + q.app.T("field.ask.yes_no") + ")"
	case f.Type == schemas.TypePoint:
		label += " (" + q.app.T("field.ask.point") + ")"
	}
	return label
}

func (q *asker) explain(ctx context.Context, x question) {
	if hint := x.field.Hint.In(q.lang()); hint != "" {
		q.tell(2, q.app.T("field.ask.hint", cli.Args{"hint": hint}))
	}
	if !x.offer.IsEmpty() {
		q.tell(2, q.app.T("field.ask.offer", cli.Args{"value": q.shown(ctx, x.field, x.offer)}))
	}
}

func (q *asker) explainMore(f *schemas.Field) {
	if hint := f.Hint.In(q.lang()); hint != "" {
		q.tell(2, q.app.T("field.ask.hint", cli.Args{"hint": hint}))
	}
	if purpose := f.Purpose.In(q.lang()); purpose != "" {
		q.tell(2, q.app.T("field.ask.purpose", cli.Args{"purpose": purpose}))
	}
	q.tell(2, q.app.T("field.ask.help"))
}
