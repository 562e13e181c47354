package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"mahalleh/schemas"
	"mahalleh/server/access"
	"mahalleh/syncproto"
)

// square is an outline of some hundred metres.
func square(lat, lon, half int32) []schemas.Point {
	return []schemas.Point{{LatE7: lat - half, LonE7: lon - half}, {LatE7: lat - half, LonE7: lon + half}, {LatE7: lat + half, LonE7: lon + half}, {LatE7: lat + half, LonE7: lon - half}, {LatE7: lat - half, LonE7: lon - half}}
}

// drawn makes two neighbourhoods with outlines, and assets in the first.
func (k *kit) drawn() {
	k.Helper()
	for place, at := range map[uint32][2]int32{102: {372_800_000, 495_800_000}, 105: {372_000_000, 500_000_000}} {
		k.write("neighbourhood", place, map[string]schemas.Value{"name_fa": schemas.TextValue("محله"), "county": schemas.TextValue("رشت"), "setting": schemas.CodeValue("urban"),
			"boundary": schemas.PolygonValue(square(at[0], at[1], 30_000))})
	}
	for i, category := range []string{"physical", "economic", "individual"} {
		k.write("asset", 102, map[string]schemas.Value{"category": schemas.CodeValue(category), "title_fa": schemas.TextValue("دارایی " + category),
			"location": schemas.PointValue(schemas.Point{LatE7: 372_800_000 + int32(i)*1000, LonE7: 495_800_000})})
	}
}

// TestMapOfEachRole: outlines are of the neighbourhoods that one sees by itself,
// assets of those whose records one reads.
func TestMapOfEachRole(t *testing.T) {
	k := newKit(t)
	k.drawn()
	k.catchUp()
	for _, x := range []struct {
		role  access.Role
		at    string
		areas int // of neighbourhoods on the map of all that one sees
	}{
		{access.LocalTeam, "102", 1}, {access.Facilitator, "102", 1}, {access.Steering, "102", 1}, {access.Clinic, "102", 1}, {access.TechnicalManager, "102", 1},
		{access.County, "101", 1}, {access.Province, "11", 2}, {access.National, "1", 0}, {"", "", 0},
	} {
		b := k.as(x.role, x.at)
		a := b.ask(http.MethodGet, "/map", nil)
		if got := strings.Count(a.body, "<polygon"); got != x.areas || x.areas == 0 && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, %d outlines, want %d", x.role, a.Status, got, x.areas)
		}
		for _, to := range []string{"/map?place=12", "/map?place=x"} {
			if got := b.status(to); got != http.StatusNotFound {
				t.Errorf("%s: %s: %d", x.role, to, got)
			}
		}
		if x.areas == 0 {
			continue
		}
		page := b.get("/neighbourhood/102")
		k.shows(page, `class="dot asset-physical"`, `class="dot asset-economic"`, `class="area own"`)
		k.hides(page, "asset-individual")
	}
}

// TestMapMeasures: what colours say, for forged measures too; a place without an
// outline is told.
func TestMapMeasures(t *testing.T) {
	k := newKit(t)
	k.drawn()
	k.neighbourhood(103, "سرچشمه")
	k.catchUp()
	b := k.as(access.Province, "11")
	k.shows(b.get("/map?show=completeness"), "less than 25 %", "1 neighbourhood has no outline", "North is up", "A line of the grid every")
	k.shows(b.get("/map?show=late"), "more than two weeks", "not late", "1 day late")
	k.shows(b.get("/map?show=need&need=health"), "not ranked", `value="health" selected`)
	k.shows(b.get("/map?show=%3Cscript%3E&need=%27"), "less than 25 %")
	k.hides(b.get("/map?show=%3Cscript%3E&need=%27"), "<script>alert")
	k.shows(b.get("/map?place=103"), "No neighbourhood here has an outline yet")
}

// TestHarmsStandInWholeCells: of harms only what the figure publishes is on the map,
// and no exact place.
func TestHarmsStandInWholeCells(t *testing.T) {
	k := newKit(t)
	k.drawn()
	exact := schemas.Point{LatE7: 372_801_234, LonE7: 495_801_234}
	for range 6 {
		k.write("harm_rating", 102, map[string]schemas.Value{"harm_code": schemas.CodeValue("vandalism"), "unit": schemas.CodeValue("point"), "intensity": schemas.IntValue(3), "informants_n": schemas.IntValue(4),
			"observed_by": schemas.CodeValue("informants"), "location": schemas.PointValue(exact)})
	}
	k.write("neighbourhood_profile", 102, map[string]schemas.Value{"reference_year": schemas.IntValue(1404), "households": schemas.IntValue(40_000)})
	k.catchUp()
	k.catchUp()
	for _, x := range []struct {
		role access.Role
		at   string
	}{{access.Province, "11"}, {access.LocalTeam, "102"}} {
		page := k.as(x.role, x.at).get("/neighbourhood/102")
		if got := strings.Count(page, `class="area harm3"`); got != 1 {
			t.Errorf("%s: %d cells of harm, want 1", x.role, got)
		}
	}
	if ring := cellRing("g41422:46773", nil); len(ring) != 4 || ring[0].LatE7 > exact.LatE7 || ring[2].LatE7 < exact.LatE7 || ring[0].LonE7 > exact.LonE7 || ring[2].LonE7 < exact.LonE7 {
		t.Errorf("the square %v does not hold the point", ring)
	}
	for _, bad := range []string{"", "g", "gx:y", "z1:2", "g1:99999999999999", "bnothing"} {
		if cellRing(bad, nil) != nil {
			t.Errorf("%q is a square", bad)
		}
	}
}

// TestPaperHasItsSeal: what the approval froze stands on the page that is printed,
// as a text and as a code; before that there is none.
func TestPaperHasItsSeal(t *testing.T) {
	k := newKit(t)
	k.neighbourhood(102, "پیرسرا")
	k.neighbourhood(103, "سرچشمه")
	hash := strings.Repeat("0123456789abcdef", 4)
	f, _ := k.forms.FormByName("dossier")
	k.catchUp()
	listed, err := k.report.Records(t.Context(), f.ID, k.placeID(102), syncproto.RecordID{}, 1)
	k.must(err)
	k.edit(listed[0].Record, "dossier", "snapshot_hash", schemas.TextValue(hash))
	k.edit(listed[0].Record, "dossier", "snapshot_number", schemas.IntValue(2))
	k.catchUp()
	b := k.as(access.Province, "11")
	k.shows(b.get("/neighbourhood/102"), hash, "Snapshot 2", `class="qr"`, "name and signature")
	k.hides(b.get("/neighbourhood/103"), `class="qr"`)
}
