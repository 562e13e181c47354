package fieldapp

import (
	"slices"
	"strconv"

	"mahalleh/schemas/formview"
	"mahalleh/schemas/texts"
)

func (a *App) settingsRoutes() []route {
	return []route{
		{pattern: "GET /settings", handle: (*visit).getSettings},
		{pattern: "POST /settings/look", handle: (*visit).setLook},
	}
}

type settingsData struct {
	Now   preference
	Sizes []int
}

func (v *visit) getSettings() error {
	p := v.page("settings", v.say("screen.nav.settings", nil))
	p.Data = settingsData{Now: v.prefs.get(), Sizes: formview.TextSizes}
	return v.render(p)
}

// setLook sets language and text size.
func (v *visit) setLook() error {
	lang, err := texts.ParseLang(v.value("lang"))
	size, bad := strconv.Atoi(v.value("size"))
	if err != nil || bad != nil || !slices.Contains(formview.TextSizes, size) {
		return errBadRequest
	}
	if err := v.prefs.set(func(p *preference) { p.Lang, p.Size = lang, size }); err != nil {
		return err
	}
	v.words = v.App.words[lang]
	v.done("screen.settings.saved", nil)
	return v.redirect("/settings")
}
