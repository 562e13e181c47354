package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/schemas"
	"mahalleh/schemas/forms"
)

// formItem is a form as commands print it.
type formItem struct {
	Name        string       `json:"name"`
	ID          uint32       `json:"id"`
	Revision    uint32       `json:"revision"`
	Compartment string       `json:"compartment"`
	Label       schemas.Text `json:"label"`
	Fields      []fieldItem  `json:"fields,omitempty"`
}

// fieldItem is a field of a form as commands print it.
type fieldItem struct {
	// Name is "list.column" for a column of rows.
	Name    string       `json:"name"`
	Type    string       `json:"type"`
	Section string       `json:"section,omitempty"`
	Label   schemas.Text `json:"label"`
	Hint    schemas.Text `json:"hint"`
	// Required is always, submit or optional.
	Required    string     `json:"required"`
	Sensitivity string     `json:"sensitivity"`
	Relevant    string     `json:"relevant,omitempty"`
	Forms       []string   `json:"forms,omitempty"`
	Codes       []codeItem `json:"codes,omitempty"`
}

type codeItem struct {
	Code   string       `json:"code"`
	Label  schemas.Text `json:"label"`
	Parent string       `json:"parent,omitempty"`
}

func formsCommand(a *cli.App) *cobra.Command {
	var example bool
	c := command(a, "forms [FORM]", "field.forms", func(_ context.Context, args []string) error {
		p, err := forms.Load()
		if err != nil {
			return fmt.Errorf("read the forms: %w", err)
		}
		if len(args) == 0 {
			if example {
				return a.UsageError("field.forms.which", nil, "field.form.unknown_hint")
			}
			return listForms(a, p)
		}
		f, err := findForm(p, args[0])
		switch {
		case err != nil:
			return err
		case example:
			return printExample(a, f)
		case a.JSON():
			return a.PrintJSON(describe(p, f))
		}
		return explainForm(a, p, f)
	})
	c.Flags().BoolVar(&example, "example", false, a.T("field.forms.flag_example"))
	return completeForms(c)
}

func listForms(a *cli.App, p *schemas.Package) error {
	table := a.Table("field.column.form", "field.column.label", "field.column.compartment", "field.column.fields")
	for _, f := range p.Forms() {
		if a.JSON() {
			if err := a.PrintJSON(formItem{Name: f.Name, ID: uint32(f.ID), Revision: f.Revision, Compartment: string(f.Compartment), Label: f.Label}); err != nil {
				return err
			}
			continue
		}
		table.Row(f.Name, f.Label.In(string(a.Lang())), a.Member("field.compartment", string(f.Compartment)), len(f.Fields()))
	}
	if a.JSON() {
		return nil
	}
	return table.Write()
}

// describe is a form with all that is needed to write a record of it.
func describe(p *schemas.Package, f *schemas.Form) formItem {
	item := formItem{Name: f.Name, ID: uint32(f.ID), Revision: f.Revision, Compartment: string(f.Compartment), Label: f.Label}
	for _, s := range f.Sections {
		for _, field := range s.Fields {
			item.Fields = append(item.Fields, describeField(p, s.Name, "", field))
			for _, column := range field.Fields {
				item.Fields = append(item.Fields, describeField(p, s.Name, field.Name+".", column))
			}
		}
	}
	return item
}

func describeField(p *schemas.Package, section, prefix string, f *schemas.Field) fieldItem {
	item := fieldItem{Name: prefix + f.Name, Type: string(f.Type), Section: section, Label: f.Label, Hint: f.Hint,
		Required: requiredName(f.Required), Sensitivity: f.Sensitivity.String(), Relevant: f.Relevant, Forms: f.Forms}
	if list, ok := p.List(f.List); ok {
		for _, c := range list.Items {
			item.Codes = append(item.Codes, codeItem{Code: c.Code, Label: c.Label, Parent: c.Parent})
		}
	}
	return item
}

func requiredName(r schemas.Required) string {
	switch r {
	case schemas.RequiredAlways:
		return "always"
	case schemas.RequiredSubmit:
		return "submit"
	}
	return "optional"
}

// needSign is the sign of how much a field is needed, as on the paper forms.
func needSign(r schemas.Required) string {
	switch r {
	case schemas.RequiredAlways:
		return "●"
	case schemas.RequiredSubmit:
		return "◐"
	}
	return "○"
}

func explainForm(a *cli.App, p *schemas.Package, f *schemas.Form) error {
	lang := string(a.Lang())
	if err := a.Say("field.forms.title", cli.Args{"label": f.Label.In(lang), "name": f.Name}); err != nil {
		return err
	}
	table := a.Table("field.column.need", "field.column.field", "field.column.title", "field.column.type", "field.column.values")
	for _, s := range f.Sections {
		for _, field := range s.Fields {
			table.Row(needSign(field.Required), field.Name, field.Label.In(lang), a.Member("field.type", string(field.Type)), allowed(p, field, lang))
			for _, column := range field.Fields {
				table.Row(needSign(column.Required), field.Name+"."+column.Name, column.Label.In(lang), a.Member("field.type", string(column.Type)), allowed(p, column, lang))
			}
		}
	}
	if err := table.Write(); err != nil {
		return err
	}
	a.Note("field.forms.legend")
	return nil
}

// allowed says in short what a field takes: codes with labels, bounds, forms.
func allowed(p *schemas.Package, f *schemas.Field, lang string) string {
	switch {
	case f.List != "":
		list, _ := p.List(f.List)
		var all []string
		for _, c := range list.Items {
			all = append(all, c.Code+" "+c.Label.In(lang))
		}
		return strings.Join(all, " · ")
	case len(f.Forms) > 0:
		return "→ " + strings.Join(f.Forms, ", ")
	case !f.Min.IsEmpty() && !f.Max.IsEmpty() && f.Min.Kind() != schemas.KindDate:
		return f.Min.Decimal().String() + "–" + f.Max.Decimal().String()
	case !f.Min.IsEmpty() && f.Min.Kind() != schemas.KindDate:
		return "≥ " + f.Min.Decimal().String()
	}
	return f.Hint.In(lang)
}

// printExample prints a JSON object with every field that can be given, all
// empty: what is left empty is not recorded.
func printExample(a *cli.App, f *schemas.Form) error {
	var out bytes.Buffer
	writeSkeleton(&out, f.Fields())
	var indented bytes.Buffer
	if err := json.Indent(&indented, out.Bytes(), "", "  "); err != nil {
		return fmt.Errorf("indent example: %w", err)
	}
	indented.WriteByte('\n')
	if _, err := a.Stdout().Write(indented.Bytes()); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func writeSkeleton(out *bytes.Buffer, fields []*schemas.Field) {
	out.WriteByte('{')
	separator := ""
	for _, f := range fields {
		if !f.Stored() {
			continue
		}
		fmt.Fprintf(out, "%s%q:", separator, f.Name)
		separator = ","
		if f.Type == schemas.TypeList {
			out.WriteByte('[')
			writeSkeleton(out, f.Fields)
			out.WriteByte(']')
			continue
		}
		out.WriteString("null")
	}
	out.WriteByte('}')
}
