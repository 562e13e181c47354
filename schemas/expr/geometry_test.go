package expr

import (
	"math"
	"math/rand/v2"
	"testing"
)

// ring makes a closed ring from latitude, longitude pairs in units of 1e-4 degree around Rasht.
func ring(units ...[2]int32) []Point {
	points := make([]Point, 0, len(units)+1)
	for _, u := range units {
		points = append(points, Point{LatE7: 372_500_000 + u[0]*1000, LonE7: 496_100_000 + u[1]*1000})
	}
	return append(points, points[0])
}

// The areas wanted are those of the quadrangle between two parallels and two
// meridians on WGS 84, which has a closed form (Snyder, Map Projections: A Working
// Manual, equation 3-12), computed apart from this program.
func TestAreaAgainstTheEllipsoid(t *testing.T) {
	rows := []struct {
		name             string
		south, north, dx float64
		want             float64
	}{
		{"500 m in Rasht", 37.25, 37.2545, 0.005, 22.15349455933771},
		{"wide in Rasht", 37.2, 37.21, 0.02, 197.04128029773238},
		{"south coast", 25.3, 25.32, 0.02, 446.191145351748},
		{"north west", 39.0, 39.02, 0.03, 576.9320733892844},
		{"Tehran", 35.7, 35.705, 0.004, 20.082829757696643},
		{"equator", 0, 0.01, 0.01, 123.09072018493929},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			corners := []Point{place(row.south, 49), place(row.south, 49+row.dx), place(row.north, 49+row.dx), place(row.north, 49)}
			got := AreaHa(corners).Float()
			if math.Abs(got-row.want) > row.want*1e-4 {
				t.Errorf("got %v ha, want %v", got, row.want)
			}
			corners[1], corners[3] = corners[3], corners[1]
			if turned := AreaHa(corners).Float(); turned != got {
				t.Errorf("turned round: got %v, want %v", turned, got)
			}
		})
	}
	if got := AreaHa(corners2()); got != (Decimal{}) {
		t.Errorf("two corners: got %v, want 0", got)
	}
}

func corners2() []Point { return []Point{place(37, 49), place(37, 50)} }

func TestDistance(t *testing.T) {
	rows := []struct {
		name string
		a, b Point
		want float64
	}{
		{"same", place(37, 49), place(37, 49), 0},
		{"one degree of latitude", place(37, 49), place(38, 49), meanRadiusM * math.Pi / 180},
		{"one degree at the equator", place(0, 49), place(0, 50), meanRadiusM * math.Pi / 180},
		{"half the earth", place(0, 0), place(0, 180), meanRadiusM * math.Pi},
		// The usual published example, 2,887.26 km for a radius of 6,372.8 km.
		{"Nashville to Los Angeles", place(36.12, -86.67), place(33.94, -118.40), 2887259.95 * meanRadiusM / 6372800},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := DistanceM(row.a, row.b).Float()
			if math.Abs(got-row.want) > 0.1 {
				t.Errorf("got %v m, want %v", got, row.want)
			}
		})
	}
}

func TestIsSimple(t *testing.T) {
	rows := []struct {
		name string
		ring []Point
		want bool
	}{
		{"triangle", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{10, 5}), true},
		{"square", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{10, 10}, [2]int32{10, 0}), true},
		{"corner on a straight line", ring([2]int32{0, 0}, [2]int32{0, 5}, [2]int32{0, 10}, [2]int32{10, 10}), true},
		{"concave", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{10, 10}, [2]int32{2, 5}), true},
		{"bow tie", ring([2]int32{0, 0}, [2]int32{10, 10}, [2]int32{0, 10}, [2]int32{10, 0}), false},
		{"spike", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{10, 10}, [2]int32{0, 10}), false},
		{"spike along an edge", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{0, 5}, [2]int32{10, 5}), false},
		{"corner that touches an edge", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{10, 10}, [2]int32{0, 5}), false},
		{"corner twice", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{0, 10}, [2]int32{10, 5}), false},
		{"two loops that meet in a corner", ring([2]int32{0, 0}, [2]int32{5, 5}, [2]int32{0, 10}, [2]int32{10, 10}, [2]int32{5, 5}, [2]int32{10, 0}), false},
		{"line", ring([2]int32{0, 0}, [2]int32{0, 10}, [2]int32{0, 20}), false},
		{"two corners", ring([2]int32{0, 0}, [2]int32{0, 10}), false},
		{"nothing", nil, false},
		{"round the world", []Point{place(-80, -179), place(80, 0), place(-80, 179)}, false},
		{"too many corners", make([]Point, MaxCorners+1), false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := IsSimple(row.ring); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
			if len(row.ring) > 1 {
				if got := IsSimple(row.ring[:len(row.ring)-1]); got != row.want && row.name != "round the world" {
					t.Errorf("open: got %v, want %v", got, row.want)
				}
			}
		})
	}
}

// TestWithinAgainstWinding compares the even-odd rule with the winding number on random triangles and stars.
func TestWithinAgainstWinding(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	t.Log("seed 1, 2")
	for range 2_000 {
		corners := make([][2]int32, 3+random.IntN(8))
		for i := range corners {
			angle := 2 * math.Pi * (float64(i) + 0.8*random.Float64()) / float64(len(corners))
			radius := 10 + 90*random.Float64()
			corners[i] = [2]int32{int32(radius * math.Sin(angle)), int32(radius * math.Cos(angle))}
		}
		r := ring(corners...)
		p := ring([2]int32{int32(random.IntN(220) - 110), int32(random.IntN(220) - 110)})[0]
		sum, onEdge := 0.0, false
		for i := 0; i+1 < len(r); i++ {
			onEdge = onEdge || turn(r[i], r[i+1], p) == 0 && inBox(r[i], r[i+1], p)
			a := math.Atan2(float64(r[i].LatE7-p.LatE7), float64(r[i].LonE7-p.LonE7))
			b := math.Atan2(float64(r[i+1].LatE7-p.LatE7), float64(r[i+1].LonE7-p.LonE7))
			sum += math.Remainder(b-a, 2*math.Pi)
		}
		want := onEdge || math.Abs(sum) > 1
		if got := Within(p, r, 0); got != want {
			t.Fatalf("point %v in %v: got %v, want %v", p, r, got, want)
		}
	}
}

func TestWithinMargin(t *testing.T) {
	// A point east of the square: the nearest place on it is the middle of its east edge.
	outside := place(37.252, 49.6173)
	gap := DistanceM(outside, place(37.252, 49.615)).Float()
	for _, row := range []struct {
		name   string
		margin float64
		want   bool
	}{
		{"none", 0, false},
		{"a metre short", gap - 1, false},
		{"a metre more", gap + 1, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Within(outside, square, row.margin); got != row.want {
				t.Errorf("got %v, want %v (gap %v m)", got, row.want, gap)
			}
		})
	}
	if Within(outside, square[:2], 1e9) {
		t.Error("a line holds a point")
	}
}
