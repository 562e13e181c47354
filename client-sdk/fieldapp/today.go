package fieldapp

import clientsdk "mahalleh/client-sdk"

func (a *App) todayRoutes() []route {
	return []route{{pattern: "GET /{$}", handle: (*visit).getToday}}
}

type todayData struct {
	Status clientsdk.Status
}

func (v *visit) getToday() error {
	s, err := v.c.Status(v.ctx())
	if err != nil {
		return err
	}
	p := v.page("today", v.say("screen.nav.today", nil))
	p.Data = todayData{Status: s}
	return v.render(p)
}
