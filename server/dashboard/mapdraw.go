package dashboard

import (
	"fmt"
	"math"
	"strings"

	"mahalleh/schemas"
)

// mapDrawing is a map drawn from what the records say alone: outlines and points
// over a plain grid with a scale; north is up. It needs no picture from anywhere.
type mapDrawing struct {
	Width, Height int
	// Across and Along are lines of the grid; Step is how far they are apart.
	Across, Along []gridLine
	Step          string
	// Bar is the scale, so many long.
	Bar    int
	Areas  []mapArea
	Dots   []mapDot
	Legend []legendEntry
	// Missing says what is not on it.
	Missing string
}

type gridLine struct{ At string }

// mapArea is an outline. To leads to what it is, "" for nothing.
type mapArea struct{ Points, Class, Title, To string }

// mapDot is a point. Label stands beside it, where there is room for words.
type mapDot struct{ X, Y, R, Class, Title, To, Label string }

// legendEntry says what a class means.
type legendEntry struct{ Class, Label string }

const (
	mapWidth, mapMargin = 900.0, 24.0
	// metresPerE7 is a ten-millionth of a degree of latitude in metres.
	metresPerE7 = 0.0111195
	// widestE7 bounds how far apart corners may be and still be drawn on one map,
	// in ten-millionths of a degree: a slip of the pen leads to another continent.
	widestE7 = 150_000_000
)

// frame turns positions into those of a drawing. Shapes keep their proportions in
// the middle of what is drawn, which is true enough for a country.
type frame struct {
	west, north, scale, shrink float64 // units of 1e-7 degrees; drawing units for each
	width, height              float64
}

// frameOf holds all these points; false without one.
func frameOf(points []schemas.Point) (*frame, bool) {
	if len(points) == 0 {
		return nil, false
	}
	west, east, south, north := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, p := range points {
		west, east = min(west, float64(p.LonE7)), max(east, float64(p.LonE7))
		south, north = min(south, float64(p.LatE7)), max(north, float64(p.LatE7))
	}
	if east-west > widestE7 || north-south > widestE7 {
		return nil, false
	}
	f := &frame{shrink: math.Cos((south + north) / 2 / 1e7 * math.Pi / 180)}
	// At least some hundred metres, so that one point alone is not all of a map.
	const least = 30_000
	wide, high := max((east-west)*f.shrink, least), max(north-south, least)
	f.scale = min((mapWidth-2*mapMargin)/wide, (mapWidth-2*mapMargin)/high)
	f.width, f.height = mapWidth, high*f.scale+2*mapMargin
	f.west = (west+east)/2 - mapWidth/2/f.scale/f.shrink
	f.north = (south+north)/2 + f.height/2/f.scale
	return f, true
}

func (f *frame) at(p schemas.Point) (x, y float64) {
	return (float64(p.LonE7) - f.west) * f.shrink * f.scale, (f.north - float64(p.LatE7)) * f.scale
}

func (f *frame) path(ring []schemas.Point) string {
	corners := make([]string, len(ring))
	for i, p := range ring {
		corners[i] = point(f.at(p))
	}
	return strings.Join(corners, " ")
}

// drawing begins a drawing with its grid. A line of the grid is a round number of
// metres from the next, so that some eight cross the map.
func (v *visit) drawing(f *frame) *mapDrawing {
	metre := f.scale / metresPerE7
	step := 1.0
	for _, next := range []float64{2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000} {
		if step*metre*8 >= f.width {
			break
		}
		step = next
	}
	d := &mapDrawing{Width: int(f.width), Height: int(math.Ceil(f.height)), Bar: int(step * metre)}
	if step >= 1000 {
		d.Step = v.say("office_map.km", map[string]any{"n": int64(step / 1000)})
	} else {
		d.Step = v.say("office_map.m", map[string]any{"n": int64(step)})
	}
	for x := mapMargin; x < f.width; x += step * metre {
		d.Along = append(d.Along, gridLine{fmt.Sprintf("%.1f", x)})
	}
	for y := mapMargin; y < f.height; y += step * metre {
		d.Across = append(d.Across, gridLine{fmt.Sprintf("%.1f", y)})
	}
	return d
}

func (f *frame) dot(p schemas.Point, r float64, class, title, to string) mapDot {
	x, y := f.at(p)
	return mapDot{X: fmt.Sprintf("%.1f", x), Y: fmt.Sprintf("%.1f", y), R: fmt.Sprintf("%.1f", r), Class: class, Title: title, To: to}
}

// middleOf is the middle of a ring's corners: where its dot stands.
func middleOf(ring []schemas.Point) schemas.Point {
	var lat, lon int64
	for _, p := range ring {
		lat += int64(p.LatE7)
		lon += int64(p.LonE7)
	}
	n := int64(len(ring))
	return schemas.Point{LatE7: int32(lat / n), LonE7: int32(lon / n)}
}
