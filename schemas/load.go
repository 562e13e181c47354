package schemas

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Why a form package is refused. A *LoadError matches one of them with errors.Is.
var (
	ErrMalformed        = errors.New("malformed file")
	ErrUnknownAttribute = errors.New("unknown attribute")
	ErrReusedID         = errors.New("id used twice")
	ErrDuplicateName    = errors.New("name used twice")
	ErrUnknownType      = errors.New("unknown type")
	ErrUnknownList      = errors.New("unknown code list")
	ErrUnknownName      = errors.New("unknown name")
	ErrMissingLabel     = errors.New("missing Persian label")
	ErrCycle            = errors.New("cycle")
	ErrSensitivity      = errors.New("reads higher sensitivity")
	ErrExpression       = errors.New("wrong expression")
	ErrBounds           = errors.New("contradicting bounds")
	ErrAttribute        = errors.New("wrong attribute")
)

// LoadError says which file and field of a form package is refused and why.
type LoadError struct {
	File   string
	Field  string // name of the field, section or list item; empty when the whole file is meant
	Reason string
	Kind   error // one of the Err values of this package
}

// Error returns "file: field: kind: reason".
func (e *LoadError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %v: %s", e.File, e.Kind, e.Reason)
	}
	return fmt.Sprintf("%s: %s: %v: %s", e.File, e.Field, e.Kind, e.Reason)
}

// Unwrap returns the kind.
func (e *LoadError) Unwrap() error { return e.Kind }

// Bounds on a package, so that one that was received cannot exhaust a phone.
const (
	maxPackageFile  = 1 << 20 // the longest list of places has a few thousand lines
	maxPackageFiles = 1_000
	maxFormFields   = 500 // the longest questionnaire asks about 100
	maxListItems    = 10_000
	maxLoadErrors   = 50 // more than that nobody reads
)

// extraPrefix marks attributes that change no meaning; a reader that does not
// know them passes over them. Every other unknown attribute is refused.
const extraPrefix = "x-"

// Load reads a package from package.json, lists/*.json and <form>.r<revision>.json
// and checks it as a whole. It refuses with all that is wrong, each a *LoadError
// joined into one error, so that an author mends a form in one round.
func Load(fsys fs.FS) (*Package, error) {
	l := &loader{fsys: fsys, pkg: &Package{
		latest: make(map[FormID]*Form),
		byName: make(map[string]*Form),
		lists:  make(map[string]*CodeList),
	}}
	l.loadVersion()
	l.loadLists()
	l.loadForms()
	if len(l.errs) > 0 {
		if len(l.errs) > maxLoadErrors {
			more := fmt.Errorf("and %d more", len(l.errs)-maxLoadErrors)
			l.errs = append(l.errs[:maxLoadErrors:maxLoadErrors], more)
		}
		return nil, fmt.Errorf("load form package: %w", errors.Join(l.errs...))
	}
	return l.pkg, nil
}

type loader struct {
	fsys fs.FS
	pkg  *Package
	errs []error
}

// refuse notes one reason; file and field say where.
func (l *loader) refuse(file, field string, kind error, format string, args ...any) {
	l.errs = append(l.errs, &LoadError{File: file, Field: field, Kind: kind, Reason: fmt.Sprintf(format, args...)})
}

// read returns the bytes of a file after a check of its size and of names that stand twice.
func (l *loader) read(name string) ([]byte, bool) {
	info, err := fs.Stat(l.fsys, name)
	if err == nil && info.Size() > maxPackageFile {
		err = fmt.Errorf("larger than %d bytes", maxPackageFile)
	}
	var data []byte
	if err == nil {
		data, err = fs.ReadFile(l.fsys, name)
	}
	if err == nil {
		_, err = parseJSON(data)
	}
	if err != nil {
		l.refuse(name, "", ErrMalformed, "%v", err)
		return nil, false
	}
	return data, true
}

// strict decodes one JSON object and refuses attributes that into does not have.
func (l *loader) strict(file, field string, data []byte, into any) bool {
	var err error
	if bytes.Contains(data, []byte(`"`+extraPrefix)) { // most objects have none, and every program reads all forms
		var members map[string]json.RawMessage
		if err = json.Unmarshal(data, &members); err == nil {
			maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return strings.HasPrefix(name, extraPrefix) })
			data, err = json.Marshal(members)
		}
	}
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(into)
	}
	if err == nil {
		return true
	}
	const unknown = "json: unknown field "
	if name, ok := strings.CutPrefix(err.Error(), unknown); ok {
		l.refuse(file, field, ErrUnknownAttribute, "%s; attributes that change no meaning begin with %q", name, extraPrefix)
		return false
	}
	l.refuse(file, field, ErrMalformed, "%v", err)
	return false
}

// label refuses a text without Persian.
func (l *loader) label(file, field string, text Text) {
	if strings.TrimSpace(text.Fa) == "" {
		l.refuse(file, field, ErrMissingLabel, "give label.fa")
	}
}

func (l *loader) loadVersion() {
	const file = "package.json"
	data, ok := l.read(file)
	if !ok {
		return
	}
	var content struct {
		Version uint32 `json:"version"`
	}
	if l.strict(file, "", data, &content) && content.Version == 0 {
		l.refuse(file, "", ErrAttribute, "version must be 1 or more")
	}
	l.pkg.Version = content.Version
}

// glob returns the files of a pattern, sorted.
func (l *loader) glob(pattern string) []string {
	names, err := fs.Glob(l.fsys, pattern)
	if err != nil || len(names) > maxPackageFiles {
		l.refuse(pattern, "", ErrMalformed, "%d files, at most %d: %v", len(names), maxPackageFiles, err)
		return nil
	}
	slices.Sort(names)
	return names
}

var (
	namePattern     = regexp.MustCompile(`^[a-z0-9_]{1,60}$`)
	formFilePattern = regexp.MustCompile(`^([a-z0-9_]+)\.r([0-9]+)\.json$`)
)

func (l *loader) loadForms() {
	for _, file := range l.glob("*.json") {
		if file == "package.json" {
			continue
		}
		parts := formFilePattern.FindStringSubmatch(path.Base(file))
		if parts == nil {
			l.refuse(file, "", ErrMalformed, "a form's file is called <name>.r<revision>.json")
			continue
		}
		data, ok := l.read(file)
		if !ok {
			continue
		}
		before := len(l.errs)
		form := l.decodeForm(file, data)
		if form == nil {
			continue
		}
		if form.Name != parts[1] || strconv.FormatUint(uint64(form.Revision), 10) != parts[2] {
			l.refuse(file, "", ErrAttribute, "holds revision %d of form %q, which its name does not say", form.Revision, form.Name)
		}
		if len(l.errs) == before {
			l.compileForm(file, form) // only a sound form: otherwise one slip is reported five times
		}
		l.pkg.forms = append(l.pkg.forms, form)
	}
	slices.SortFunc(l.pkg.forms, func(a, b *Form) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Revision, b.Revision), strings.Compare(a.Name, b.Name))
	})
	for i, form := range l.pkg.forms {
		l.checkIdentity(form, l.pkg.forms[:i])
		l.pkg.latest[form.ID] = form
	}
	for _, form := range l.pkg.latest {
		l.pkg.byName[form.Name] = form
	}
}

func formFile(form *Form) string { return fmt.Sprintf("%s.r%d.json", form.Name, form.Revision) }

// checkIdentity holds a form against the forms before it: an id means one form,
// and within a form one field, over all revisions and for ever.
func (l *loader) checkIdentity(form *Form, earlier []*Form) {
	file := formFile(form)
	for _, other := range earlier {
		switch {
		case other.ID == form.ID && other.Name != form.Name:
			l.refuse(file, "", ErrReusedID, "form id %d belongs to %q", form.ID, other.Name)
			continue
		case other.ID != form.ID && other.Name == form.Name:
			l.refuse(file, "", ErrDuplicateName, "form %q has the ids %d and %d", form.Name, other.ID, form.ID)
			continue
		case other.ID != form.ID:
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(form.byID)) {
			now := form.byID[id]
			then, ok := other.byID[id]
			if !ok {
				continue
			}
			switch {
			case now.Name != then.Name || now.Parent != then.Parent:
				l.refuse(file, now.Name, ErrReusedID, "field id %d was %q in revision %d", id, then.Name, other.Revision)
			case now.Type != then.Type || now.List != then.List || now.Result != then.Result:
				l.refuse(file, now.Name, ErrReusedID, "field id %d was of type %s %s in revision %d; a new type needs a new id", id, then.Type, then.List, other.Revision)
			}
		}
	}
}
