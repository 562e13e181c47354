package indicators

// Contribution turns one record as it stands into what it adds to the counts of
// its place: a pure function of that record alone. What was deleted or erased,
// and what no form here explains, adds nothing.
//
// Sums know no order, so what is not a sum becomes one by its key: how many
// different blocks were rated is how many keys of blocks there are, the first
// day is the smallest key that names a day. An event (merge rule A) that another
// one corrects cannot know it; so events stand in keys of their own with what
// they correct, and Summarise leaves out what was corrected.
func Contribution(r Record) Counts {
	if r.Form == nil || r.Gone {
		return nil
	}
	read := &reader{Record: &r}
	if count, known := contributions[r.Form.Name]; known {
		count(read)
	}
	return read.counts.done()
}

// contributions say what a record of each form adds.
var contributions = map[string]func(*reader){
	"neighbourhood":         countNeighbourhood,
	"neighbourhood_profile": countProfile,
	"dossier":               countDossier,
	"asset":                 countAsset,
	"action_item":           countActionItem,
}
