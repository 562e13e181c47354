package fieldapp

import (
	"cmp"
	"slices"
	"time"

	clientsdk "mahalleh/client-sdk"
	"mahalleh/schemas/formview"
	"mahalleh/schemas/indicators"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/texts"
	"mahalleh/schemas/workflow"
	"mahalleh/syncproto"
)

// placesData is how the neighbourhoods stand. Counting says that it is being
// counted: with nothing to show yet, or what stood before.
type placesData struct {
	Counting bool
	Places   []placeData
	// Failed is why they could not be counted.
	Failed *formview.Notice
}

// placeData is one neighbourhood.
type placeData struct {
	Name string
	Mine bool
	// Percent of the dossier; Whole says that all of it has been received.
	Percent int
	Whole   bool
	// Dossier is its record's address, "" where none was assigned; Status its state.
	Dossier, Status string
	Due, Left       string
	Late            bool
	Sections        []sectionRow
	Open            int
	Returned        []returnedData
	// Seen counts returned sections whose words were marked as seen.
	Seen []returnedData
	// Resume is the step that takes a dossier up again that was sent back, "" for none.
	Resume string
	Tasks  []taskData
}

// sectionRow is a section of the dossier: how much of what is aimed at is there,
// and whether what it must have is.
type sectionRow struct {
	Label, To, New string
	Done, Target   int64
	Met            bool
}

// taskData is what is due by a rule of a programme.
type taskData struct {
	Title, To, Kind, Due, Left string
	Late                       bool
	day                        jalali.Day
}

const (
	// countPatience is how long a page waits for the count before it shows the rest.
	countPatience = 300 * time.Millisecond
	// soon is within how many days a task is shown before it is due.
	soon = 14
	// sectionList and statusList are the lists of codes of sections and states.
	sectionList, statusList = "DOSSIERSECTION", "DOSSIERSTATUS"
)

// sectionForm is the form that carries a section.
func sectionForm(section indicators.Section) string {
	if forms := workflow.SectionForms[string(section)]; len(forms) > 0 {
		return forms[0]
	}
	return ""
}

// places tells how the neighbourhoods stand; whole waits for the count.
func (v *visit) places(whole bool) (placesData, error) {
	all, counting, err := v.counts.get(v.c)
	if counting != nil {
		patience := time.NewTimer(countPatience)
		defer patience.Stop()
		late := patience.C
		if whole {
			late = nil
		}
		select {
		case <-counting:
			all, counting, err = v.counts.get(v.c)
		case <-late:
		case <-v.ctx().Done():
			return placesData{}, v.ctx().Err()
		}
	}
	d := placesData{Counting: counting != nil}
	if err != nil {
		n := v.explain(err)
		d.Failed = &n
		return d, nil
	}
	for i := range all {
		p, err := v.place(&all[i])
		if err != nil {
			return d, err
		}
		d.Places = append(d.Places, p)
	}
	return d, nil
}

func (v *visit) place(n *clientsdk.Neighbourhood) (p placeData, err error) {
	s := &n.Summary
	p = placeData{Name: v.words.In(n.Name), Mine: n.Mine, Whole: n.Whole, Percent: int(s.Completeness.Percent / indicators.One), Open: len(s.Completeness.Open)}
	if p.Name == "" && s.Neighbourhood != nil {
		p.Name = v.words.Embed(s.Neighbourhood.Name)
	}
	if p.Name == "" {
		p.Name = v.say("screen.today.unnamed_place", nil)
	}
	for _, f := range s.Fills {
		form := sectionForm(f.Section)
		row := sectionRow{Label: v.codeLabel(sectionList, string(f.Section)), To: "/records?form=" + form, New: "/new/" + form, Done: f.Done, Target: f.Target, Met: f.Gate}
		if f.Section == indicators.SectionNeedsSurvey {
			row.New = "/round"
		}
		p.Sections = append(p.Sections, row)
	}
	today := v.c.Today()
	if s.Dossier != nil {
		x := s.Dossier
		p.Dossier, p.Status = "/record/"+syncproto.RecordID(x.Record).String(), v.codeLabel(statusList, x.Status)
		if x.Submitted == 0 && x.Approved == 0 && x.Due != 0 {
			p.Due, p.Left, p.Late = v.words.Date(x.Due), v.words.Left(x.Due, today), x.Due < today
		}
		if p.Returned, p.Seen, err = v.returned(n); err != nil {
			return p, err
		}
		if x.Status == sentBack {
			p.Resume = p.Dossier + "/step?" + query("to", takenUp)
		}
	}
	return p, v.addTasks(&p, n, today)
}

// codeLabel is the label of a code, or the bare code of a newer release.
func (v *visit) codeLabel(list, code string) string {
	if l, ok := v.c.Forms().List(list); ok {
		if item, ok := l.Item(code); ok {
			return v.words.In(item.Label)
		}
	}
	return v.words.Embed(code)
}

// addTasks adds what is due by the rules of the programmes.
func (v *visit) addTasks(p *placeData, n *clientsdk.Neighbourhood, today jalali.Day) error {
	add := func(id indicators.ID, kind texts.Key, due jalali.Day) error {
		title, err := v.c.Label(v.ctx(), syncproto.RecordID(id), v.words.Lang())
		if err != nil {
			return err
		}
		p.Tasks = append(p.Tasks, taskData{Title: v.titled(title), To: "/record/" + syncproto.RecordID(id).String(), Kind: v.say(kind, nil),
			Due: v.words.Date(due), Left: v.words.Left(due, today), Late: due < today, day: due})
		return nil
	}
	s := &n.Summary
	for _, x := range s.Items {
		if (x.Status == "planned" || x.Status == "running") && x.Due != 0 && x.Due <= today+soon {
			if err := add(x.Record, "screen.task.item", x.Due); err != nil {
				return err
			}
		}
	}
	for _, x := range s.Requests {
		if x.State == "sent" && x.Due != 0 && x.Due <= today+soon {
			if err := add(x.Record, "screen.task.reply", x.Due); err != nil {
				return err
			}
		}
	}
	for _, x := range s.Agreements {
		if x.State == "active" && x.End != 0 && (x.End < today || workflow.RenewalWarning(x.End, today, &n.Settings) > 0) {
			if err := add(x.Record, "screen.task.renewal", x.End); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(p.Tasks, func(a, b taskData) int { return cmp.Compare(a.day, b.day) })
	return nil
}
