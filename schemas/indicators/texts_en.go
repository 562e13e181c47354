package indicators

// textsEn is the English catalogue.
var textsEn = map[string]string{
	"lag": "Time until changes arrived (median of 30 days)",

	"D01":            "Dossiers submitted",
	"D01.definition": "Neighbourhoods whose dossier was submitted at least once, as a share of all to which one was assigned. Suspended and cancelled ones do not count.",
	"assigned":       "Neighbourhoods with an assigned dossier",
	"submitted":      "Submitted at least once",
	"coverage":       "Coverage",

	"D13":            "Assets by category",
	"D13.definition": "Assets in each of the six categories, without doubles; assets for each thousand residents where the population is known; evenness from 0 (all in one category) to 1 (as many in each); activation: the share that an action item uses.",
	"assets":         "Assets",
	"categories":     "Categories with an asset",
	"density":        "Assets per thousand residents",
	"evenness":       "Evenness",
	"activation":     "Used by an action item",
	"by_category":    "By category",
	"share":          "Share",
}
