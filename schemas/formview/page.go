package formview

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Page is what every template gets. Words lets it write: {{.T "key"}},
// {{.Date .Data.Due}}.
type Page struct {
	*Words
	// Name is the page's template, "today"; the navigation marks where it leads.
	Name string
	// Prefix stands before every address of the program itself; see At.
	Prefix string
	// Title is the page's own heading.
	Title string
	// Nav leads to the other pages, none where there is nowhere to go. Where there are
	// many, the first ones are under the thumb and the others behind one button.
	Nav []Link
	// Back leads one level up, "" where the navigation is enough.
	Back string
	// Notices are said above the content.
	Notices []Notice
	// Scripts are modules of static that the page needs beside the common ones.
	Scripts []string
	// Size is the size of the text in percent, 0 for 100.
	Size int
	// Live makes the page listen for events.
	Live bool
	// Data is the page's own.
	Data any
}

// Link is one entry of the navigation.
type Link struct {
	// Name is the page's, To its address without prefix, Label its text, Count
	// how much waits there.
	Name, To, Label string
	Count           int
}

// A phone has room for a row of mostPlaces. Of more the first mainPlaces stay, beside
// the button that shows the others.
const (
	mostPlaces = 5
	mainPlaces = 4
)

// Main are the places that every screen shows, More those that a narrow one shows
// when they are asked for.
func (p *Page) Main() []Link {
	if len(p.Nav) <= mostPlaces {
		return p.Nav
	}
	return p.Nav[:mainPlaces]
}

// More is described at Main.
func (p *Page) More() []Link { return p.Nav[len(p.Main()):] }

// InMore reports whether the page is one of More.
func (p *Page) InMore() bool {
	return slices.ContainsFunc(p.More(), func(l Link) bool { return l.Name == p.Name })
}

// MoreCount is how much waits in More.
func (p *Page) MoreCount() (n int) {
	for _, l := range p.More() {
		n += l.Count
	}
	return n
}

// Level says how loud a notice is.
type Level string

// The levels of notices.
const (
	Info    Level = "info"
	Done    Level = "done"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Notice is a sentence above a page's content: what happened, and what to do.
type Notice struct {
	Level Level
	Text  string
	// Hint says what to do next, To and Label where it is done; "" if nothing is.
	Hint, To, Label string
}

// At is an address of the program: {{.At "/records"}}. Every link and every
// form goes through it.
func (p *Page) At(to string) string { return p.Prefix + to }

// With is the same page with other data, for a template that shows a part:
// {{template "row" ($.With .)}}.
func (p *Page) With(data any) *Page {
	q := *p
	q.Data = data
	return &q
}

// TextSize is the page's class for the size of its text, "" for the ordinary.
func (p *Page) TextSize() string {
	if p.Size <= 100 {
		return ""
	}
	return fmt.Sprintf("text-%d", p.Size)
}

// TextSizes are the sizes of text that a person may choose, in percent.
var TextSizes = []int{100, 125, 150, 200}

//go:embed templates
var templateFiles embed.FS

// Templates are pages and the parts that they share.
type Templates struct {
	pages map[string]*template.Template
}

// ParseTemplates reads the pages of a folder of templates. Each file of it is a
// page that defines "content" and is named after its file; those whose names
// begin with "_" hold parts that all pages may use, as the parts of this
// package are used.
func ParseTemplates(files fs.FS) (*Templates, error) {
	shared := template.New("").Funcs(template.FuncMap{
		"static": StaticURL,
		"list":   func(items ...any) []any { return items },
	})
	own, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	if err := parseInto(shared, own, func(string) bool { return true }); err != nil {
		return nil, err
	}
	if err := parseInto(shared, files, isPart); err != nil {
		return nil, err
	}
	t := &Templates{pages: map[string]*template.Template{}}
	names, err := templateNames(files)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if isPart(name) {
			continue
		}
		page, err := shared.Clone()
		if err == nil {
			err = parseInto(page, files, func(other string) bool { return other == name })
		}
		if err != nil {
			return nil, err
		}
		if page.Lookup("content") == nil {
			return nil, fmt.Errorf("template %s does not define \"content\"", name)
		}
		t.pages[strings.TrimSuffix(name, ".html")] = page
	}
	return t, nil
}

func isPart(name string) bool { return strings.HasPrefix(name, "_") }

func templateNames(files fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	var names []string
	for _, e := range entries {
		if path.Ext(e.Name()) == ".html" {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func parseInto(t *template.Template, files fs.FS, want func(name string) bool) error {
	names, err := templateNames(files)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !want(name) {
			continue
		}
		raw, err := fs.ReadFile(files, name)
		if err == nil {
			_, err = t.New(name).Parse(string(raw))
		}
		if err != nil {
			return fmt.Errorf("read template %s: %w", name, err)
		}
	}
	return nil
}

// Render writes a whole page.
func (t *Templates) Render(w io.Writer, p *Page) error { return t.Part(w, "base", p) }

// Part writes one part of a page, by the name of its {{define}}: what changed,
// for a page that is open.
func (t *Templates) Part(w io.Writer, part string, p *Page) error {
	page := t.pages[p.Name]
	if page == nil {
		return fmt.Errorf("there is no page %q", p.Name)
	}
	// Whole or not at all: half a page with an error in it helps nobody.
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, part, p); err != nil {
		return fmt.Errorf("show page %s: %w", p.Name, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
