package sample

// monthDays is how long a month is taken to be where work is planned.
const monthDays = 30.4

// planMonths plans what is done in a neighbourhood, month by month, and when its
// devices sync.
func (h *hood) planMonths() {
	w := h.w
	for _, id := range []*recordID{&h.dossier, &h.record, &h.office, &h.campaign, &h.steering, &h.localTeam, &h.plan, &h.enrolment} {
		*id = h.team[manager].newRecord(moment(w.start-8, 10, 0))
	}
	for i := range h.team {
		h.persons[i], h.facilitators[i] = h.team[i].newRecord(moment(w.start-8, 10, 0)), h.team[i].newRecord(moment(w.start-8, 10, 0))
	}
	m := h.team[manager]
	m.todo = append(m.todo, task{at: h.dayOf(-5), do: doOffice})
	h.planFirst()
	// Devices do not all come at once.
	apart := int64(h.n) * minuteMS / 4
	first := moment(w.start, 17, 0) + apart
	for i, x := range h.team {
		x.order()
		w.plan(first, func(t int64) error { return x.once(t, t+day) })
		if x.role != manager {
			w.plan(moment(w.start+1, 17, 30)+apart+int64(i)*minuteMS, x.sync)
			continue
		}
		w.plan(moment(w.start-4, 17, 0)+apart, func(t int64) error { return x.once(t, first) })
		// The others shall have the blocks before they go out.
		w.plan(moment(w.start+1, 13, 0)+apart, x.sync)
	}
	for n := 1; n < w.o.Months; n++ {
		w.plan(moment(w.start, 1, 0)+int64(float64(n)*monthDays*float64(day)), func(int64) error {
			h.planLater(n)
			return nil
		})
	}
}

// planFirst plans the month of the dossier. All of it is done by the day on which
// the dossier is ready; whoever is slow has not done it when the month ends.
func (h *hood) planFirst() {
	m := h.team[manager]
	end := h.ready
	m.todo = append(m.todo, task{at: moment(h.w.start+1, 8, 40), do: doBegin}, task{at: moment(h.w.start+1, 10, 0), do: doTeam})
	shares := func(n int, do func(*worker, int64, int), from, to float64, of ...int) {
		for i, x := range h.team {
			if part := n * of[i] / 100; part > 0 {
				x.plan(part, from*end, to*end, do)
			}
		}
	}
	shares(7, doMember, 0.08, 0.4, 0, 100, 0)
	shares(h.scaled(30), doKeyPerson, 0.08, 0.75, 55, 25, 20)
	shares(h.scaled(120), doHousehold, 0.12, 0.82, 62, 12, 26)
	shares(h.scaled(80), doAsset, 0.08, 0.8, 55, 20, 25)
	shares(max(h.blocks+2, h.scaled(60)), doHarm, 0.2, 0.82, 70, 30, 0)
	shares(h.scaled(15), doInterview, 0.15, 0.7, 60, 20, 20)
	shares(3, doGroup, 0.25, 0.7, 100, 0, 0)
	shares(h.scaled(25), doNeed, 0.5, 0.78, 40, 60, 0)
	shares(h.scaled(7), doActivity, 0.04, 0.95, 60, 20, 20)
	shares(2*hot, doAssetEdit, 0.35, 0.9, 100, 0, 0)
	shares(hot, doAssetEdit, 0.35, 0.9, 0, 100, 0)
	shares(hot, doAssetEdit, 0.35, 0.9, 0, 0, 100)
	shares(h.scaled(3), doService, 0.3, 0.95, 100, 0, 0)
	m.plan(1, 0.55*end, 0.6*end, doCapacity)
	m.plan(1, 0.4*end, 0.45*end, doCommittee)
	m.plan(3, 0.2*end, 0.8*end, doSections)
	m.plan(1, 0.45*end, 0.5*end, doActive)
	m.plan(1, 0.82*end, 0.84*end, doVerify)
	m.plan(1, 0.9*end, 0.91*end, doRound)
	m.plan(1, 0.95*end, 0.96*end, doPrioritised)
	m.todo = append(m.todo, task{at: moment(h.w.start, 16, 0) + int64(h.ready)*day, do: doSubmit})
	h.planProgrammes()
	h.planSlips(0.3*end, 0.95*end)
}
