package forms_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The files as plain JSON: this test holds them against the table without the loader's help.
type (
	text struct {
		Fa string `json:"fa"`
		En string `json:"en"`
	}
	formFile struct {
		ID          int              `json:"id"`
		Name        string           `json:"name"`
		Revision    int              `json:"revision"`
		Compartment string           `json:"compartment"`
		Label       text             `json:"label"`
		Merge       string           `json:"merge"`
		Unique      []string         `json:"unique"`
		Among       []amongFile      `json:"among"`
		Sections    []sectionFile    `json:"sections"`
		Constraints []constraintFile `json:"constraints"`
	}
	amongFile struct {
		Tests []struct {
			Field, By  string
			Same       bool
			Of         []string
			Metres     int
			Similarity float64
			Days       int
		} `json:"tests"`
	}
	sectionFile struct {
		Fields []fieldFile `json:"fields"`
	}
	fieldFile struct {
		Name         string      `json:"name"`
		Type         string      `json:"type"`
		List         string      `json:"list"`
		Label        text        `json:"label"`
		Required     string      `json:"required"`
		RequiredWhen string      `json:"required_when"`
		Relevant     string      `json:"relevant"`
		Sensitivity  string      `json:"sensitivity"`
		Purpose      text        `json:"purpose"`
		Merge        string      `json:"merge"`
		Forms        []string    `json:"forms"`
		Fields       []fieldFile `json:"fields"`
		MaxLength    int         `json:"max_length"`
		Pattern      string      `json:"pattern"`
		Min          any         `json:"min"`
		Max          any         `json:"max"`
	}
	constraintFile struct {
		Expr string `json:"expr"`
	}
	listFile struct {
		Name  string     `json:"name"`
		Label text       `json:"label"`
		Items []itemFile `json:"items"`
	}
	itemFile struct {
		Code       string            `json:"code"`
		Fa         string            `json:"fa"`
		En         string            `json:"en"`
		Parent     string            `json:"parent"`
		ParentList string            `json:"parent_list"`
		Attrs      map[string]string `json:"attrs"`
	}
)

// row is one line of a table, by column name.
type row map[string]string

func readTable(t *testing.T, name string) []row {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "transcription", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []row
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(columns) {
			t.Fatalf("%s:%d: %d cells, want %d", name, i+2, len(cells), len(columns))
		}
		r := row{"line": fmt.Sprintf("%s:%d", name, i+2)}
		for j, column := range columns {
			r[column] = cells[j]
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return rows
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// readForms returns the latest revision of every form by name.
func readForms(t *testing.T) map[string]formFile {
	t.Helper()
	paths, err := filepath.Glob("*.r*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no forms: %v", err)
	}
	forms := make(map[string]formFile)
	for _, path := range paths {
		var form formFile
		readJSON(t, path, &form)
		if form.Revision > forms[form.Name].Revision {
			forms[form.Name] = form
		}
	}
	return forms
}

func readLists(t *testing.T) map[string]listFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("lists", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no lists: %v", err)
	}
	lists := make(map[string]listFile)
	for _, path := range paths {
		var list listFile
		readJSON(t, path, &list)
		lists[list.Name] = list
	}
	return lists
}

// columnsOf describes a field in the words of the table's columns.
func columnsOf(form formFile, itemOf string, field fieldFile) row {
	required := field.Required
	switch {
	case field.Type == "computed":
		required = "derived"
	case field.RequiredWhen != "":
		required = "always" // while its condition holds
	case required == "":
		required = "optional"
	}
	merge := field.Merge
	switch {
	case merge == "" && field.Type == "state":
		merge = "D"
	case merge == "":
		merge = form.Merge
	}
	return row{"form": form.Name, "field": field.Name, "item_of": itemOf, "type": field.Type, "list": field.List, "required": required,
		"sensitivity": field.Sensitivity, "merge": merge, "label_fa": field.Label.Fa, "label_en": field.Label.En}
}

type described struct {
	columns row
	field   fieldFile
}

func key(form, itemOf, field string) string { return form + "/" + itemOf + "/" + field }

func describe(forms map[string]formFile) map[string]described {
	fields := make(map[string]described)
	for _, form := range forms {
		for _, section := range form.Sections {
			for _, field := range section.Fields {
				fields[key(form.Name, "", field.Name)] = described{columnsOf(form, "", field), field}
				for _, column := range field.Fields {
					fields[key(form.Name, field.Name, column.Name)] = described{columnsOf(form, field.Name, column), column}
				}
			}
		}
	}
	return fields
}

// TestFieldsMatchTranscription holds every field against the reviewed table, in both directions.
func TestFieldsMatchTranscription(t *testing.T) {
	fields := describe(readForms(t))
	seen := make(map[string]bool)
	for _, r := range readTable(t, "fields.tsv") {
		k := key(r["form"], r["item_of"], r["field"])
		if seen[k] {
			t.Errorf("%s: %s stands twice", r["line"], k)
		}
		seen[k] = true
		got, ok := fields[k]
		if r["type"] == "figure" { // computed from several records: an indicator, never a field
			if ok {
				t.Errorf("%s: %s is a field, want a figure only", r["line"], k)
			}
			continue
		}
		if !ok {
			t.Errorf("%s: no field %s", r["line"], k)
			continue
		}
		want := maps.Clone(r)
		if want["required"] == "derived" && got.field.Type != "computed" {
			want["required"] = "optional" // a derived value that approval freezes in the record
		}
		for column, value := range got.columns {
			if value != want[column] {
				t.Errorf("%s: %s: %s is %q, want %q", r["line"], k, column, value, want[column])
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if !seen[k] {
			t.Errorf("field %s is not in the table", k)
		}
	}
}

// TestListsMatchTranscription holds every code against the reviewed table, in both directions and in order.
func TestListsMatchTranscription(t *testing.T) {
	lists := readLists(t)
	table := make(map[string][]row)
	for _, r := range readTable(t, "lists.tsv") {
		table[r["list"]] = append(table[r["list"]], r)
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		if table[name] == nil {
			t.Errorf("list %s is not in the table", name)
		}
	}
	attr := regexp.MustCompile(`^ *([a-z_]+)=(.*)$`)
	for _, name := range slices.Sorted(maps.Keys(table)) {
		list, ok := lists[name]
		if !ok {
			t.Errorf("no list %s", name)
			continue
		}
		rows := table[name]
		if head := rows[0]; head["code"] != "" || (text{head["fa"], head["en"]}) != list.Label {
			t.Errorf("%s: label of %s is %v, want %q, %q", head["line"], name, list.Label, head["fa"], head["en"])
		}
		rows = rows[1:]
		if len(list.Items) != len(rows) {
			t.Errorf("%s has %d codes, want %d", name, len(list.Items), len(rows))
			continue
		}
		for i, r := range rows {
			want := itemFile{Code: r["code"], Fa: r["fa"], En: r["en"], Parent: r["parent"]}
			for _, part := range strings.Split(r["note"], ";") {
				if m := attr.FindStringSubmatch(part); m != nil {
					if want.Attrs == nil {
						want.Attrs = make(map[string]string)
					}
					want.Attrs[m[1]] = m[2]
				}
			}
			got := list.Items[i]
			got.ParentList = ""
			if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
				t.Errorf("%s: %s: got %s, want %s", r["line"], name, g, w)
			}
		}
	}
}

// TestConditionsOfTranscription checks that what the table asks for only sometimes is conditional in the form.
func TestConditionsOfTranscription(t *testing.T) {
	fields := describe(readForms(t))
	sometimes := regexp.MustCompile(`only when|only for|one of|not asked when|not for `)
	for _, r := range readTable(t, "fields.tsv") {
		if r["type"] == "figure" || r["item_of"] != "" && r["required"] != "always" {
			continue
		}
		field := fields[key(r["form"], r["item_of"], r["field"])].field
		conditional := field.Relevant != "" || field.RequiredWhen != ""
		if want := sometimes.MatchString(r["validation"]); want && !conditional {
			t.Errorf("%s: %s.%s is unconditional, want %q", r["line"], r["form"], r["field"], r["validation"])
		}
	}
}

// TestUniquenessOfTranscription checks that what the table says is unique among
// the records of a place is named as such by its form, and nothing else is.
func TestUniquenessOfTranscription(t *testing.T) {
	forms := readForms(t)
	among := regexp.MustCompile(`unique (in|per|with) |one profile per `)
	want := map[string]string{}
	for _, r := range readTable(t, "fields.tsv") {
		if r["item_of"] == "" && among.MatchString(r["validation"]) {
			want[r["form"]] = r["field"]
		}
	}
	if len(want) < 5 {
		t.Errorf("the table names %d unique fields, want at least five", len(want))
	}
	for name, form := range forms {
		if field := want[name]; (field != "") != (len(form.Unique) > 0) || field != "" && !slices.Contains(form.Unique, field) {
			t.Errorf("%s is told apart by %q, the table says %q", name, form.Unique, field)
		}
	}
}

// TestRulesAmongRecordsOfTranscription checks that what the table says of a record
// and the others of its place is a rule of its form, with the table's numbers, and
// that no form has another.
func TestRulesAmongRecordsOfTranscription(t *testing.T) {
	dedupe := regexp.MustCompile(`dedupe hint \(same (\w+), < (\d+) m, folded-name similarity >= ([0-9.]+)\)`)
	apart := regexp.MustCompile(`round n\+1 at least (\d+) days after n`)
	want := map[string]string{}
	for _, r := range readTable(t, "fields.tsv") {
		rule := ""
		if m := dedupe.FindStringSubmatch(r["validation"]); m != nil {
			rule = fmt.Sprintf("same %s, location < %s m, title_fa >= %s", m[1], m[2], m[3])
		}
		if m := apart.FindStringSubmatch(r["validation"]); m != nil {
			rule = fmt.Sprintf("held_on < %s days by %s", m[1], r["field"])
		}
		if strings.Contains(r["validation"], "one open revision per neighbourhood") {
			rule = "same neighbourhood_id, status open"
		}
		if rule != "" {
			want[r["form"]] = rule
		}
	}
	if len(want) != 3 {
		t.Errorf("the table has rules over several records of %d forms, want three", len(want))
	}
	for name, form := range readForms(t) {
		var rules []string
		for _, rule := range form.Among {
			var tests []string
			for _, x := range rule.Tests {
				switch {
				case x.Same:
					tests = append(tests, "same "+x.Field)
				case x.Of != nil:
					tests = append(tests, x.Field+" open")
					if slices.Contains(x.Of, "cancelled") || slices.Contains(x.Of, "approved") || slices.Contains(x.Of, "published") {
						t.Errorf("%s: %q counts as open", name, x.Of)
					}
				case x.Metres > 0:
					tests = append(tests, fmt.Sprintf("%s < %d m", x.Field, x.Metres))
				case x.Similarity > 0:
					tests = append(tests, fmt.Sprintf("%s >= %v", x.Field, x.Similarity))
				default:
					tests = append(tests, fmt.Sprintf("%s < %d days by %s", x.Field, x.Days, x.By))
				}
			}
			rules = append(rules, strings.Join(tests, ", "))
		}
		if got := strings.Join(rules, "; "); got != want[name] {
			t.Errorf("%s has the rules %q, the table says %q", name, got, want[name])
		}
	}
}

// TestReferenceTargets checks that a reference names the forms that the table says it leads to.
func TestReferenceTargets(t *testing.T) {
	fields := describe(readForms(t))
	for _, r := range readTable(t, "fields.tsv") {
		if !strings.HasPrefix(r["type"], "reference") {
			continue
		}
		var want []string
		for _, part := range strings.Split(r["validation"], ";") {
			if targets, ok := strings.CutPrefix(strings.TrimSpace(part), "to "); ok {
				want = strings.FieldsFunc(strings.NewReplacer(" or ", ",", "(later)", "").Replace(targets), func(c rune) bool { return c == ',' || c == ' ' })
			}
		}
		if got := fields[key(r["form"], r["item_of"], r["field"])].field.Forms; !slices.Equal(got, want) {
			t.Errorf("%s: %s.%s leads to %v, want %v", r["line"], r["form"], r["field"], got, want)
		}
	}
}

// TestPersonalFieldsSayWhy: who is asked for personal data may ask what for.
func TestPersonalFieldsSayWhy(t *testing.T) {
	for k, d := range describe(readForms(t)) {
		if d.field.Sensitivity >= "S2" && (d.field.Purpose.Fa == "" || d.field.Purpose.En == "") {
			t.Errorf("%s: sensitivity %s without a purpose in both languages", k, d.field.Sensitivity)
		}
	}
}

// TestHarmNamesNobody: the harm map must have no place for a person's identity.
func TestHarmNamesNobody(t *testing.T) {
	banned := regexp.MustCompile(`person|name|phone|national|photo|consent`)
	for k, d := range describe(readForms(t)) {
		if d.columns["form"] != "harm_rating" {
			continue
		}
		if banned.MatchString(d.field.Name) || d.field.Type == "attachment" || slices.Contains(d.field.Forms, "person") {
			t.Errorf("%s could identify a person", k)
		}
	}
}

// TestRulesFollowLists: where a rule repeats or relies on what a list says, the two must not part.
func TestRulesFollowLists(t *testing.T) {
	forms, lists := readForms(t), readLists(t)
	for _, item := range lists["HARM"].Items {
		if unit := item.Attrs["unit"]; unit != "point" && unit != "block" {
			t.Errorf("HARM %s: unit is %q, want point or block", item.Code, unit)
		}
		if item.Attrs["count_only"] == "true" && item.Attrs["unit"] != "block" {
			t.Errorf("HARM %s is only counted, want unit block", item.Code)
		}
	}
	for _, item := range lists["ASSETSUB"].Items {
		if item.ParentList != "ASSETCAT" || item.Parent == "" {
			t.Errorf("ASSETSUB %s is below %q of %q, want a category of ASSETCAT", item.Code, item.Parent, item.ParentList)
		}
	}
	rules := forms["capacity_assessment"].Constraints
	for i, instrument := range lists["INSTRUMENT"].Items {
		if i >= len(rules) || !strings.Contains(rules[i].Expr, "'"+instrument.Code+"'") {
			t.Fatalf("no rule for instrument %s in place %d", instrument.Code, i)
		}
		count := 0
		for _, domain := range lists["CAPDOMAIN"].Items {
			want := slices.Contains(strings.Split(domain.Attrs["instruments"], ","), instrument.Code)
			if got := strings.Contains(rules[i].Expr, "'"+domain.Code+"'"); got != want {
				t.Errorf("rule of %s names %s: %v, want %v", instrument.Code, domain.Code, got, want)
			}
			if want {
				count++
			}
		}
		if !strings.Contains(rules[i].Expr, fmt.Sprintf("= %d and", count)) {
			t.Errorf("rule of %s does not count to %d: %s", instrument.Code, count, rules[i].Expr)
		}
	}
}

// TestPersianOfForms looks for letters and joiners that a Persian keyboard does not write.
func TestPersianOfForms(t *testing.T) {
	wrong := regexp.MustCompile("[\u064a\u0643\u0649\u06c0\u00a0\u200e\u200f]|\u200c[\\s«»،.؛:/()]|[\\s«»/(]\u200c|\u200c\u200c|\u200c$|^\u200c|  ")
	paths, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join("lists", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	persian := regexp.MustCompile(`"fa": "([^"]*)"`)
	found := 0
	for _, path := range append(paths, more...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range persian.FindAllStringSubmatch(string(data), -1) {
			found++
			if wrong.MatchString(m[1]) {
				t.Errorf("%s: %+q", path, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no Persian text found")
	}
}
