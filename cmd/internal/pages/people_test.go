package pages

import "mahalleh/schemas/formview/viewtest"

// lookAtPeople walks over the pages of people and devices, to a printed sheet.
func (o *office) lookAtPeople(tab *viewtest.Tab, english bool) {
	o.Helper()
	see := func(name, fa, en string) {
		o.Helper()
		tab.See(map[bool]string{false: fa, true: en}[english])
		tab.Check(name)
		tab.Shot(name)
	}
	tab.Go(o.at + "/people")
	see("people", "افزودن شخص", "Add a person")
	tab.ClickAt("tbody th a")
	see("person", "ثبت دستگاه", "Enrol a device")
	tab.ClickAt("form[action$='/enrol'] button")
	see("sheet", "این برگه تنها همین حالا", "This sheet stands here only now")
	tab.Go(o.at + "/devices")
	see("devices", "آنچه رسیدگی می‌خواهد", "What asks for somebody")
	tab.ClickAt("tbody th a")
	see("device", "گم یا دزدیده شده است", "lost or stolen")
}
