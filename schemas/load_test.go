package schemas

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// demoFiles returns the files of testdata/demo, to be changed by a test.
func demoFiles(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	root := os.DirFS("testdata/demo")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		files[filepath.ToSlash(name)] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// edit replaces the one place in a file where old stands.
func edit(t *testing.T, files fstest.MapFS, file, old, replacement string) {
	t.Helper()
	content := string(files[file].Data)
	if strings.Count(content, old) != 1 {
		t.Fatalf("%q stands %d times in %s, want once", old, strings.Count(content, old), file)
	}
	files[file] = &fstest.MapFile{Data: []byte(strings.Replace(content, old, replacement, 1))}
}

// refused loads the files and demands a refusal that names file, field and reason.
func refused(t *testing.T, files fstest.MapFS, kind error, file, field, reason string) {
	t.Helper()
	_, err := Load(files)
	if err == nil {
		t.Fatal("the package was accepted")
	}
	for _, one := range unjoin(err) {
		var found *LoadError
		if errors.As(one, &found) && errors.Is(found, kind) && found.File == file && found.Field == field && strings.Contains(found.Reason, reason) {
			return
		}
	}
	t.Errorf("got %v, want %v of file %q, field %q and %q in the reason", err, kind, file, field, reason)
}

func unjoin(err error) []error {
	for err != nil {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			return joined.Unwrap()
		}
		err = errors.Unwrap(err)
	}
	return nil
}

const demoFile = "demo.r1.json"

// secondRevision adds revision 2 of the demo form, changed at one place.
func secondRevision(t *testing.T, files fstest.MapFS, old, replacement string) {
	t.Helper()
	content := strings.Replace(string(files[demoFile].Data), `"revision": 1`, `"revision": 2`, 1)
	files["demo.r2.json"] = &fstest.MapFile{Data: []byte(content)}
	edit(t, files, "demo.r2.json", old, replacement)
}

func TestLoadDemo(t *testing.T) {
	pkg := demoPackage(t)
	form, ok := pkg.Form(7)
	if !ok || form.Name != "demo" || pkg.Version != 3 || len(pkg.Forms()) != 1 {
		t.Fatalf("got form %+v of version %d", form, pkg.Version)
	}
	field, ok := form.FieldByName("services.kind")
	if !ok || field.ID != 41 || field.Parent != 40 || field.Merge != MergeField || field.Required != RequiredAlways {
		t.Errorf("services.kind: got %+v", field)
	}
	if _, ok := form.Field(41); !ok {
		t.Error("field 41 is not found by its id")
	}
	list, ok := pkg.List("SUBKIND")
	if !ok || len(list.Children("place")) != 2 {
		t.Errorf("SUBKIND: got %+v", list)
	}
	kinds, _ := pkg.List("KIND")
	if got := kinds.Current("story").Code; got != "place" {
		t.Errorf("story is replaced by %q, want place", got)
	}
}

func TestRefuseReusedFieldID(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"id": 11,`, `"id": 10,`)
	refused(t, files, ErrReusedID, demoFile, "story", `field id 10 belongs to "title_fa"`)
}

func TestRefuseReusedFieldIDInRows(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"id": 42,`, `"id": 10,`)
	refused(t, files, ErrReusedID, demoFile, "services.distance_m", `field id 10 belongs to "title_fa"`)
}

func TestRefuseReusedFieldIDInLaterRevision(t *testing.T) {
	files := demoFiles(t)
	secondRevision(t, files, `"id": 11, "name": "story"`, `"id": 11, "name": "tale"`)
	edit(t, files, "demo.r2.json", `"search": ["title_fa", "story"]`, `"search": ["title_fa"]`)
	refused(t, files, ErrReusedID, "demo.r2.json", "tale", `field id 11 was "story" in revision 1`)
}

func TestRefuseAnotherTypeInLaterRevision(t *testing.T) {
	files := demoFiles(t)
	secondRevision(t, files, `"id": 11, "name": "story", "type": "long_text"`, `"id": 11, "name": "story", "type": "text"`)
	refused(t, files, ErrReusedID, "demo.r2.json", "story", "a new type needs a new id")
}

func TestRefuseSubjectThatIsNoReference(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"id": 11, "name": "story", "type": "long_text"`, `"id": 11, "name": "story", "subject": true, "type": "long_text"`)
	refused(t, files, ErrAttribute, demoFile, "story", "subject is for fields of type [reference]")
}

func TestRefuseComputedByProgram(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"name": "density", "type": "computed"`, `"name": "density", "by_program": true, "type": "computed"`)
	refused(t, files, ErrAttribute, demoFile, "density", "leave by_program out")
}

func TestLaterRevisionIsTheLatest(t *testing.T) {
	files := demoFiles(t)
	secondRevision(t, files, `"en": "Story"`, `"en": "Tale"`)
	pkg, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.Form(7)
	first, ok := pkg.FormRevision(7, 1)
	if form.Revision != 2 || !ok || first.Revision != 1 || len(pkg.Forms()) != 1 {
		t.Errorf("got revision %d, want 2 beside 1", form.Revision)
	}
}

func TestRefuseReusedFormID(t *testing.T) {
	files := demoFiles(t)
	files["other.r1.json"] = &fstest.MapFile{Data: []byte(strings.Replace(string(files[demoFile].Data), `"name": "demo"`, `"name": "other"`, 1))}
	refused(t, files, ErrReusedID, "other.r1.json", "", `form id 7 belongs to "demo"`)
}

func TestRefuseProtocolID(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"id": 11,`, `"id": 9,`)
	refused(t, files, ErrAttribute, demoFile, "story", "belong to the protocol")
}

func TestRefuseUnknownType(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"type": "long_text"`, `"type": "novel"`)
	refused(t, files, ErrUnknownType, demoFile, "story", `"novel"`)
}

func TestRefuseUnknownList(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"type": "codes", "list": "KIND"`, `"type": "codes", "list": "KINDS"`)
	refused(t, files, ErrUnknownList, demoFile, "kinds", `"KINDS"`)
}

func TestRefuseCyclicComputedField(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `round(${population} div ${area}, 2)`, `round(${total_m} div ${area}, 2)`)
	edit(t, files, demoFile, `sum(${services.distance_m})`, `if(${crowded}, 1, 2)`)
	refused(t, files, ErrCycle, demoFile, "density", "density → total_m → crowded → density")
}

func TestRefuseCyclicRelevance(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"name": "harm_prone", "type": "boolean",`, `"name": "harm_prone", "type": "boolean", "relevant": "${basis} != ''",`)
	refused(t, files, ErrCycle, demoFile, "harm_prone", "harm_prone → basis → harm_prone")
}

func TestRefuseCycleThroughRows(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"name": "services", "type": "list",`, `"name": "services", "type": "list", "relevant": "${total_m} > 0",`)
	refused(t, files, ErrCycle, demoFile, "services", "services → total_m → services.distance_m → services")
}

func TestRefuseMissingPersianLabel(t *testing.T) {
	for _, row := range []struct{ name, file, old, replacement, field string }{
		{"form", demoFile, `"label": {"fa": "نمونه", "en": "Demo"}`, `"label": {"en": "Demo"}`, ""},
		{"section", demoFile, `{"fa": "اصلی", "en": "Main"}`, `{"fa": " ", "en": "Main"}`, "section main"},
		{"field", demoFile, `{"fa": "شرح", "en": "Story"}`, `{"en": "Story"}`, "story"},
		{"field of rows", demoFile, `{"fa": "یادداشت", "en": "Note"}`, `{"en": "Note"}`, "services.note"},
		{"message", demoFile, `{"fa": "تاریخ در آینده است.", "en"`, `{"en"`, "held_on"},
		{"list", "lists/KIND.json", `"label": {"fa": "نوع", "en": "Kind"}`, `"label": {"en": "Kind"}`, ""},
		{"list item", "lists/KIND.json", `"fa": "فرد", `, ``, "person"},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, row.file, row.old, row.replacement)
			refused(t, files, ErrMissingLabel, row.file, row.field, "give ")
		})
	}
}

func TestRefuseReadingHigherSensitivity(t *testing.T) {
	for _, row := range []struct{ name, old, replacement, field, reason string }{
		{"relevance", `"relevant": "${harm_prone}"`, `"relevant": "${contact} != ''"`, "basis", `relevant reads "contact" (S2), but may read no more than S0`},
		{"calculation", `"calculate": "${density} > 100"`, `"calculate": "string-length(${contact}) > 100"`, "crowded", `calculate reads "contact"`},
		{"constraint", `". <= today()"`, `". <= today() or ${disability} != ''"`, "held_on", `constraint reads "disability" (S3)`},
		{"prefill", `"jalali-year(today())"`, `"string-length(${contact})"`, "year", `prefill reads "contact"`},
		{"record-wide rule", `"expr": "${male} = ''`, `"expr": "${contact} = '' or ${male} = ''`, "male, female, population", `constraint reads "contact"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, demoFile, row.old, row.replacement)
			refused(t, files, ErrSensitivity, demoFile, row.field, row.reason)
		})
	}
}

func TestRefuseWrongExpression(t *testing.T) {
	for _, row := range []struct{ name, replacement, reason string }{
		{"unknown name", `${harm_prune}`, `perhaps "harm_prone"`},
		{"type error", `${harm_prone} > 3`, "> takes number or date here, not boolean"},
		{"no condition", `3 + 4`, "yields number"},
		{"syntax", `${harm_prone} and`, "ends too early"},
		{"this field", `. = ''`, "stands only in a constraint"},
		{"unknown code", `${kind} = 'plaec'`, `"plaec" is not a code of the list KIND`},
		{"unknown function", `now() = today()`, `no function "now"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, demoFile, `"relevant": "${harm_prone}"`, `"relevant": "`+row.replacement+`"`)
			refused(t, files, ErrExpression, demoFile, "basis", row.reason)
		})
	}
	t.Run("calculation of another type", func(t *testing.T) {
		files := demoFiles(t)
		edit(t, files, demoFile, `"calculate": "${density} > 100"`, `"calculate": "${density}"`)
		refused(t, files, ErrExpression, demoFile, "crowded", "yields number")
	})
	t.Run("pattern", func(t *testing.T) {
		files := demoFiles(t)
		edit(t, files, demoFile, `09\\d{9}`, `09(`)
		refused(t, files, ErrExpression, demoFile, "phone", "missing closing")
	})
}

func TestRefuseDuplicateName(t *testing.T) {
	for _, row := range []struct{ name, file, old, replacement, field string }{
		{"field", demoFile, `"name": "male"`, `"name": "population"`, "population"},
		{"field of rows", demoFile, `"name": "note"`, `"name": "kind"`, "services.kind"},
		{"section", demoFile, `"name": "place", "label"`, `"name": "main", "label"`, "section main"},
		{"code", "lists/KIND.json", `"code": "person"`, `"code": "place"`, "place"},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, row.file, row.old, row.replacement)
			refused(t, files, ErrDuplicateName, row.file, row.field, "")
		})
	}
}

func TestRefuseMinAboveMax(t *testing.T) {
	for _, row := range []struct{ name, old, replacement, field string }{
		{"number", `"min": 0, "max": 100000`, `"min": 5, "max": 4`, "population"},
		{"decimal", `"min": 0.5, "max": 1000`, `"min": 1000.1, "max": 1000`, "area"},
		{"rows", `"min_items": 2, "max_items": 5`, `"min_items": 6, "max_items": 5`, "services"},
		{"too many rows", `"min_items": 2, "max_items": 5`, `"max_items": 501`, "services"},
		{"too long", `"max_length": 20`, `"max_length": 20001`, "title_fa"},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, demoFile, row.old, row.replacement)
			refused(t, files, ErrBounds, demoFile, row.field, "")
		})
	}
}

func TestRefuseUnknownAttribute(t *testing.T) {
	for _, row := range []struct{ name, file, old, replacement, field string }{
		{"field", demoFile, `"max_length": 20`, `"max_len": 20`, "title_fa"},
		{"field of rows", demoFile, `"id": 42,`, `"id": 42, "minimum": 3,`, "services.distance_m"},
		{"form", demoFile, `"merge": "B",`, `"merge": "B", "encrypted": true,`, ""},
		{"list item", "lists/SUBKIND.json", `"code": "teacher",`, `"code": "teacher", "hidden": true,`, "teacher"},
		{"package", "package.json", `"version"`, `"signed": true, "version"`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, row.file, row.old, row.replacement)
			refused(t, files, ErrUnknownAttribute, row.file, row.field, "attributes that change no meaning begin with")
		})
	}
}

func TestAcceptAttributesWithoutMeaning(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"max_length": 20`, `"max_length": 20, "x-source": "s0:33"`)
	if _, err := Load(files); err != nil {
		t.Errorf("got %v, want the package", err)
	}
}

func TestRefuseWrongAttributes(t *testing.T) {
	for _, row := range []struct{ name, old, replacement, field, reason string }{
		{"no sensitivity", `"sensitivity": "S0", "max_length": 20`, `"max_length": 20`, "title_fa", "S0 to S4"},
		{"level of need", `"required": "always", "sensitivity": "S0", "max_length"`, `"required": "yes", "sensitivity": "S0", "max_length"`, "title_fa", "always, submit or optional"},
		{"bound of a text", `"max_length": 20`, `"min": 20`, "title_fa", "min, max is for fields of type"},
		{"bound of a date", `"min": "2020-03-20"`, `"min": 2020`, "held_on", "must be a date"},
		{"bound of a whole number", `"min": 0, "max": 100000`, `"min": 0.5`, "population", "whole number"},
		{"list of a text", `"max_length": 20`, `"list": "KIND"`, "title_fa", "list is for fields of type"},
		{"reference to nothing", `"type": "reference", "forms": ["block"]`, `"type": "reference"`, "block", "needs forms"},
		{"computed without result", `"type": "computed", "result": "decimal"`, `"type": "computed"`, "density", "needs result"},
		{"required computed", `"type": "computed", "result": "decimal"`, `"type": "computed", "required": "always", "result": "decimal"`, "density", "neither required nor prefilled"},
		{"list in rows", `"name": "note", "type": "text"`, `"name": "note", "type": "list"`, "services.note", "cannot stand in the rows"},
		{"files in rows", `"name": "note", "type": "text"`, `"name": "note", "type": "attachment"`, "services.note", "cannot stand in the rows"},
		{"state in rows", `"name": "note", "type": "text"`, `"name": "note", "type": "state", "list": "KIND"`, "services.note", "cannot stand in the rows"},
		{"unique_everywhere alone", `"search": ["title_fa", "story"]`, `"search": [], "unique_everywhere": true`, "unique", "stands beside unique"},
		{"constraint level", `"level": "error", "message": {"fa": "تاریخ`, `"level": "fatal", "message": {"fa": "تاریخ`, "held_on", "error or warning"},
		{"the name id", `"name": "note"`, `"name": "id"`, "services.id", `not "id"`},
		{"kind", `"kind": "record"`, `"kind": "queue"`, "", `kind must be "record"`},
		{"merge", `"merge": "B"`, `"merge": "Z"`, "", "merge must be"},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, demoFile, row.old, row.replacement)
			refused(t, files, ErrAttribute, demoFile, row.field, row.reason)
		})
	}
}

func TestRefuseUnknownNames(t *testing.T) {
	for _, row := range []struct{ name, file, old, replacement, field, reason string }{
		{"title", demoFile, `"title": ["title_fa"]`, `"title": ["heading"]`, "title", `"heading"`},
		{"unique", demoFile, `"search": ["title_fa", "story"]`, `"search": [], "unique": ["services.note"]`, "unique", `"services.note"`},
		{"search", demoFile, `"search": ["title_fa", "story"]`, `"search": ["services.note"]`, "search", `"services.note"`},
		{"consent", demoFile, `{"field": "consent_id"}`, `{"field": "consent"}`, "consent", `"consent"`},
		{"replacement", "lists/KIND.json", `"replaced_by": "place"`, `"replaced_by": "here"`, "story", `"here"`},
		{"parent", "lists/SUBKIND.json", `"parent": "person"`, `"parent": "people"`, "teacher", `"people"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, row.file, row.old, row.replacement)
			refused(t, files, ErrUnknownName, row.file, row.field, row.reason)
		})
	}
}

// TestRefuseRulesAmongRecords: an author of a rule over several records is told
// what is wrong with it, where.
func TestRefuseRulesAmongRecords(t *testing.T) {
	const good = `{"name": "twice", "tests": [{"field": "held_on", "days": 90, "by": "population"}], "message": {"fa": "دو بار"}}`
	for _, row := range []struct {
		name, old, replacement string
		kind                   error
		where, reason          string
	}{
		{"unknown field", `"field": "held_on"`, `"field": "when"`, ErrUnknownName, "among twice", `"when"`},
		{"column of rows", `"field": "held_on", "days": 90, "by": "population"`, `"field": "services.kind", "same": true`, ErrUnknownName, "among twice", `"services.kind"`},
		{"unknown test", `"days": 90`, `"weeks": 9`, ErrUnknownAttribute, "among twice", "weeks"},
		{"no test of the field", `"days": 90, "by": "population"`, `"same": false`, ErrAttribute, "among twice", "give one of same, of, metres, similarity, days"},
		{"two tests of the field", `"days": 90`, `"same": true, "days": 90`, ErrAttribute, "among twice", "give one of"},
		{"metres of a date", `"days": 90, "by": "population"`, `"metres": 90`, ErrAttribute, "among twice", "metres is for fields of type [point]"},
		{"similarity above 1", `"field": "held_on", "days": 90, "by": "population"`, `"field": "title_fa", "similarity": 85`, ErrBounds, "among twice", "similarity up to 1"},
		{"days below 1", `"days": 90`, `"days": -90`, ErrBounds, "among twice", "days 1 to"},
		{"unknown code", `"field": "held_on", "days": 90, "by": "population"`, `"field": "kind", "of": ["here"]`, ErrUnknownName, "among twice", `"here" is not in KIND`},
		{"by a text", `"by": "population"`, `"by": "title_fa"`, ErrAttribute, "among twice", "by stands beside days"},
		{"by without days", `"field": "held_on", "days": 90`, `"field": "title_fa", "same": true`, ErrAttribute, "among twice", "by stands beside days"},
		{"no tests", `{"field": "held_on", "days": 90, "by": "population"}`, ``, ErrAttribute, "among twice", "needs tests"},
		{"no message", `"fa": "دو بار"`, `"en": "twice"`, ErrMissingLabel, "among twice", "message.fa"},
		{"no name", `"name": "twice", `, ``, ErrAttribute, "among ", "name"},
		{"a level", `"name": "twice"`, `"name": "twice", "level": "error"`, ErrUnknownAttribute, "among", "level"},
		{"the same name", good, good + ", " + good, ErrDuplicateName, "among twice", "stands twice"},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			edit(t, files, demoFile, `"search": ["title_fa", "story"]`, `"search": [], "among": [`+good+`]`)
			edit(t, files, demoFile, row.old, row.replacement)
			refused(t, files, row.kind, demoFile, row.where, row.reason)
		})
	}
}

func TestRefuseCircleOfReplacements(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, "lists/KIND.json", `"code": "place",`, `"code": "place", "replaced_by": "story",`)
	refused(t, files, ErrCycle, "lists/KIND.json", "place", "place → story → place")
}

func TestRefuseMalformedFiles(t *testing.T) {
	for _, row := range []struct{ name, file, content, reason string }{
		{"no JSON", "broken.r1.json", `{"id": `, "unexpected EOF"},
		{"name stands twice", "twice.r1.json", `{"id": 1, "id": 2}`, `"id" stands twice`},
		{"file name", "demo-2.json", `{}`, "<name>.r<revision>.json"},
		{"value of another type", "other.r1.json", `{"id": "seven"}`, "cannot unmarshal"},
		{"huge", "huge.r1.json", strings.Repeat(" ", maxPackageFile+1), "larger than"},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := demoFiles(t)
			files[row.file] = &fstest.MapFile{Data: []byte(row.content)}
			refused(t, files, ErrMalformed, row.file, "", row.reason)
		})
	}
}

func TestRefuseAllAtOnce(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `"type": "long_text"`, `"type": "novel"`)
	edit(t, files, demoFile, `"name": "male"`, `"name": "population"`)
	_, err := Load(files)
	for _, kind := range []error{ErrUnknownType, ErrDuplicateName} {
		if !errors.Is(err, kind) {
			t.Errorf("got %v, want also %v", err, kind)
		}
	}
}

// Adding a field is editing one JSON file: nothing else knows the fields.
func TestAddingAFieldIsEditingOneFile(t *testing.T) {
	files := demoFiles(t)
	edit(t, files, demoFile, `   {"id": 11, "name": "story"`,
		`   {"id": 60, "name": "shops", "type": "integer", "label": {"fa": "مغازه‌ها", "en": "Shops"}, "sensitivity": "S0", "min": 1},
   {"id": 11, "name": "story"`)
	pkg, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	form, _ := pkg.FormByName("demo")
	record, err := DecodeJSON(form, pkg, []byte(`{"shops":"۰"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(form, Validate(form, pkg, record, demoEnv)); got[1] != "shops range error" {
		t.Errorf("got %q, want the new field judged", got)
	}
}
