package fieldapp

import (
	"fmt"
	"testing"

	"mahalleh/schemas/formview/viewtest"
	"mahalleh/schemas/texts"
)

// slower is how many times a cheap phone is slower than the machine of the figures.
const slower = 6

// BenchmarkSlowPhone opens a list of 5,000 records, searches them and opens a form,
// in a browser that is slowed six times, and prints how long a person waits: until a
// page can be used, and from the last key of a search to its answer,
// of a text that comes at once and of a word typed by a quick thumb.
func BenchmarkSlowPhone(b *testing.B) {
	d := inBrowser(b, viewtest.Phone, texts.Persian)
	d.fill(benchRecords(b))
	d.get("/records")
	d.Slow(slower)
	opens := func(name, to string) {
		b.Run(name, func(b *testing.B) {
			var took, answered, painted []float64
			var weight struct{ Bytes, Elements float64 }
			for b.Loop() {
				d.visit(to)
				var at struct{ Ready, Answered, Painted, Bytes, Elements float64 }
				d.Eval(`new Promise((ok) => requestAnimationFrame(() => setTimeout(() => {
					const n = performance.getEntriesByType("navigation")[0];
					ok({Ready: n.domContentLoadedEventEnd, Answered: n.responseEnd, Painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime || 0,
						Bytes: n.encodedBodySize, Elements: document.querySelectorAll("*").length});
				}, 0)))`, &at)
				took, answered, painted = append(took, at.Ready), append(answered, at.Answered), append(painted, at.Painted)
				weight.Bytes, weight.Elements = at.Bytes, at.Elements
			}
			b.ReportMetric(median(took), "ready-ms")
			b.ReportMetric(median(painted), "painted-ms")
			b.ReportMetric(median(answered), "answered-ms")
			b.ReportMetric(weight.Bytes/1024, "KB")
			b.ReportMetric(weight.Elements, "elements")
			b.ReportMetric(0, "ns/op")
		})
	}
	opens("first", "/records")
	opens("list", "/records?form=asset")
	opens("household", "/new/household_response")
	opens("settings", "/new/province_settings")
	b.Run("search", func(b *testing.B) {
		d.visit("/records?form=asset")
		d.Eval(typist, nil)
		var took, typed, asked []float64
		n := 0
		for b.Loop() {
			n++
			word := benchWords[n%len(benchWords)]
			var ms struct{ All, Asked float64 }
			d.Eval(fmt.Sprintf(`types([%q], 0)`, fmt.Sprintf("%s %d", word, n%300)), &ms)
			took, asked = append(took, ms.All), append(asked, ms.Asked)
			d.Eval(fmt.Sprintf(`types([...%q], %d)`, word, betweenKeys), &ms)
			typed = append(typed, ms.All)
		}
		b.ReportMetric(median(took), "ms")
		b.ReportMetric(median(typed), "typed-ms")
		b.ReportMetric(median(asked), "asked-ms")
		b.ReportMetric(0, "ns/op")
	})
	d.Slow(1)
}

// betweenKeys is how long a quick thumb takes from key to key, in milliseconds.
const betweenKeys = 150

// typist types into the search, key by key, and tells how long it took from the last
// key, and from the last request, until the answer to all of it was painted.
const typist = `window.types = (keys, between) => new Promise((ok) => {
	const q = document.getElementById("q");
	let text = "", last = 0, asked = 0;
	const ask = () => { asked = performance.now(); };
	const done = () => {
		if (!last || new URLSearchParams(location.search).get("q") !== text.trim()) return;
		document.body.removeEventListener("htmx:beforeRequest", ask);
		document.body.removeEventListener("htmx:afterSettle", done);
		requestAnimationFrame(() => setTimeout(() => ok({All: performance.now() - last, Asked: performance.now() - asked}), 0));
	};
	document.body.addEventListener("htmx:beforeRequest", ask);
	document.body.addEventListener("htmx:afterSettle", done);
	const press = (i) => {
		text += keys[i];
		q.value = text;
		if (i === keys.length - 1) last = performance.now();
		else setTimeout(press, between, i + 1);
		q.dispatchEvent(new Event("input", {bubbles: true}));
	};
	press(0);
}); 0`
