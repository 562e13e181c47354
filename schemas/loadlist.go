package schemas

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"mahalleh/schemas/jalali"
)

type listFile struct {
	Name    string            `json:"name"`
	Version uint32            `json:"version"`
	Label   Text              `json:"label"`
	Items   []json.RawMessage `json:"items"`
}

type listItemFile struct {
	Code       string            `json:"code"`
	Fa         string            `json:"fa"`
	En         string            `json:"en"`
	Parent     string            `json:"parent"`
	ParentList string            `json:"parent_list"`
	ValidFrom  string            `json:"valid_from"`
	ValidTo    string            `json:"valid_to"`
	ReplacedBy string            `json:"replaced_by"`
	Attrs      map[string]string `json:"attrs"`
}

var (
	listNamePattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,59}$`)
	codePattern     = regexp.MustCompile(`^[a-z0-9][a-z0-9_+.-]{0,59}$`)
)

func (l *loader) loadLists() {
	for _, file := range l.glob("lists/*.json") {
		data, ok := l.read(file)
		if !ok {
			continue
		}
		var content listFile
		if !l.strict(file, "", data, &content) {
			continue
		}
		list := &CodeList{Name: content.Name, Version: content.Version, Label: content.Label, byCode: make(map[string]int)}
		switch {
		case !listNamePattern.MatchString(list.Name) || path.Base(file) != list.Name+".json":
			l.refuse(file, "", ErrAttribute, "list %q: a name is capital letters, digits and _, and the file is called after it", list.Name)
		case list.Version == 0:
			l.refuse(file, "", ErrAttribute, "version must be 1 or more")
		case len(content.Items) == 0 || len(content.Items) > maxListItems:
			l.refuse(file, "", ErrAttribute, "a list has 1 to %d items, not %d", maxListItems, len(content.Items))
			continue
		}
		l.label(file, "", list.Label)
		for _, raw := range content.Items {
			l.listItem(file, list, raw)
		}
		l.pkg.lists[list.Name] = list
		l.pkg.listNames = append(l.pkg.listNames, list.Name)
	}
	slices.Sort(l.pkg.listNames)
	for _, name := range l.pkg.listNames {
		l.checkList("lists/"+name+".json", l.pkg.lists[name])
	}
}

func (l *loader) listItem(file string, list *CodeList, raw json.RawMessage) {
	var name struct {
		Code string `json:"code"`
	}
	// Only to name the item in messages; what is wrong with it the strict reading says.
	_ = json.Unmarshal(raw, &name)
	var content listItemFile
	if !l.strict(file, name.Code, raw, &content) {
		return
	}
	if !codePattern.MatchString(content.Code) {
		l.refuse(file, content.Code, ErrAttribute, "code %q: small letters, digits and _ + . - are allowed", content.Code)
	}
	if _, ok := list.byCode[content.Code]; ok {
		l.refuse(file, content.Code, ErrDuplicateName, "code %q stands twice", content.Code)
		return
	}
	item := CodeItem{Code: content.Code, Label: Text{content.Fa, content.En}, Parent: content.Parent,
		ParentList: content.ParentList, ReplacedBy: content.ReplacedBy, Attrs: content.Attrs}
	if strings.TrimSpace(content.Fa) == "" {
		l.refuse(file, content.Code, ErrMissingLabel, "give fa")
	}
	for _, day := range []struct {
		name, text string
		into       *Value
	}{{"valid_from", content.ValidFrom, &item.ValidFrom}, {"valid_to", content.ValidTo, &item.ValidTo}} {
		if day.text == "" {
			continue
		}
		parsed, err := jalali.ParseISO(day.text)
		if err != nil {
			l.refuse(file, content.Code, ErrAttribute, "%s %q is no date", day.name, day.text)
			continue
		}
		*day.into = DateValue(int32(parsed))
	}
	if !item.ValidFrom.IsEmpty() && !item.ValidTo.IsEmpty() && item.ValidFrom.Date() > item.ValidTo.Date() {
		l.refuse(file, content.Code, ErrBounds, "valid_from lies after valid_to")
	}
	list.byCode[item.Code] = len(list.Items)
	list.Items = append(list.Items, item)
}

// checkList checks what an item says of other items, once all lists are read.
func (l *loader) checkList(file string, list *CodeList) {
	for _, item := range list.Items {
		if item.Parent != "" || item.ParentList != "" {
			parents := list
			if item.ParentList != "" {
				parents = l.pkg.lists[item.ParentList]
			}
			switch {
			case parents == nil:
				l.refuse(file, item.Code, ErrUnknownList, "parent_list %q", item.ParentList)
			case item.Parent == "":
				l.refuse(file, item.Code, ErrAttribute, "parent_list without parent")
			default:
				if _, ok := parents.byCode[item.Parent]; !ok {
					l.refuse(file, item.Code, ErrUnknownName, "parent %q is not in list %s", item.Parent, parents.Name)
				}
			}
		}
		trail := []string{item.Code}
		for next := item.ReplacedBy; next != ""; {
			if slices.Contains(trail, next) {
				l.refuse(file, item.Code, ErrCycle, "replaced_by leads in a circle: %s", strings.Join(append(trail, next), " → "))
				break
			}
			other, ok := list.Item(next)
			if !ok {
				l.refuse(file, item.Code, ErrUnknownName, "replaced_by %q is not in the list", next)
				break
			}
			trail, next = append(trail, next), other.ReplacedBy
		}
	}
}
