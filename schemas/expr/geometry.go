package expr

import "math"

// The ellipsoid WGS 84 (NIMA TR8350.2, third edition, table 3.1) and the mean
// radius of the earth (Moritz, Geodetic Reference System 1980).
const (
	equatorM         = 6_378_137.0
	eccentricity2    = 0.00669437999014
	meanRadiusM      = 6_371_008.8
	squareMetresInHa = 10_000
)

// maxSpreadE7 keeps the exact tests below within 64 bits: two differences under
// 2^31 multiply to under 2^62. It is 214 degrees; no neighbourhood is that large.
const maxSpreadE7 = 1 << 31

func radians(e7Degrees float64) float64 { return e7Degrees / e7 * math.Pi / 180 }

// plane is the equirectangular projection around a latitude: metres per unit of
// a Point eastward and northward. For a neighbourhood it errs by less than one part
// in a thousand. The two radii of curvature are those of Snyder, Map Projections:
// A Working Manual (USGS Professional Paper 1395), equations 4-18 to 4-20.
type plane struct{ east, north float64 }

func planeAt(latE7 float64) plane {
	sin, cos := math.Sincos(radians(latE7))
	w := 1 - eccentricity2*sin*sin
	meridian := equatorM * (1 - eccentricity2) / (w * math.Sqrt(w))
	vertical := equatorM / math.Sqrt(w)
	return plane{east: vertical * cos * radians(1), north: meridian * radians(1)}
}

// open returns the corners without the last one when that closes the ring.
func open(ring []Point) []Point {
	if n := len(ring); n > 1 && samePlace(ring[0], ring[n-1]) {
		return ring[:n-1]
	}
	return ring
}

func samePlace(a, b Point) bool { return a.LatE7 == b.LatE7 && a.LonE7 == b.LonE7 }

// AreaHa returns the area of a ring in hectares by the shoelace formula (Gauss's
// area formula) on the equirectangular plane at the ring's middle latitude,
// rounded to a square metre. A ring that crosses itself has no meaningful area.
func AreaHa(ring []Point) Decimal {
	ring = open(ring)
	if len(ring) < 3 {
		return Decimal{}
	}
	low, high := ring[0].LatE7, ring[0].LatE7
	for _, p := range ring {
		low, high = min(low, p.LatE7), max(high, p.LatE7)
	}
	scale := planeAt((float64(low) + float64(high)) / 2)
	twice := 0.0
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		// Relative to the first corner, so that large coordinates do not eat the digits.
		px, py := float64(int64(p.LonE7)-int64(ring[0].LonE7)), float64(int64(p.LatE7)-int64(ring[0].LatE7))
		qx, qy := float64(int64(q.LonE7)-int64(ring[0].LonE7)), float64(int64(q.LatE7)-int64(ring[0].LatE7))
		twice += float64(px*qy) - float64(qx*py) // conversions forbid fused multiplication: equal on every machine
	}
	return fromFloat(math.Abs(twice)/2*scale.east*scale.north/squareMetresInHa, 4)
}

// DistanceM returns the great-circle distance in metres, rounded to a decimetre
// (haversine formula: Sinnott, Virtues of the Haversine, Sky and Telescope 68, 1984).
func DistanceM(a, b Point) Decimal {
	latA, latB := radians(float64(a.LatE7)), radians(float64(b.LatE7))
	sinLat := math.Sin((latB - latA) / 2)
	sinLon := math.Sin(radians(float64(b.LonE7)-float64(a.LonE7)) / 2)
	h := float64(sinLat*sinLat) + float64(math.Cos(latA)*math.Cos(latB)*sinLon*sinLon)
	return fromFloat(2*meanRadiusM*math.Asin(math.Sqrt(min(1, h))), 1)
}

// IsClosed says whether the ring ends where it begins and encloses something.
func IsClosed(ring []Point) bool {
	return len(ring) >= 4 && samePlace(ring[0], ring[len(ring)-1])
}

// IsSimple says whether the ring, closed or not, has at least three corners and
// no two of its edges touch but in the corner they share. It compares every pair
// of edges with exact arithmetic: corners²/2 steps.
func IsSimple(ring []Point) bool {
	ring = open(ring)
	n := len(ring)
	if n < 3 || n > MaxCorners || spread(ring) >= maxSpreadE7 {
		return false
	}
	for i := range n {
		a, b := ring[i], ring[(i+1)%n]
		if samePlace(a, b) {
			return false
		}
		for j := i + 1; j < n; j++ {
			c, d := ring[j], ring[(j+1)%n]
			switch {
			case j == i+1:
				if foldsBack(a, b, d) {
					return false
				}
			case (j+1)%n == i:
				if foldsBack(c, a, b) {
					return false
				}
			case touch(a, b, c, d):
				return false
			}
		}
	}
	return true
}

// spread returns the greatest extent of the ring in longitude.
func spread(ring []Point) int64 {
	low, high := ring[0].LonE7, ring[0].LonE7
	for _, p := range ring {
		low, high = min(low, p.LonE7), max(high, p.LonE7)
	}
	return int64(high) - int64(low)
}

// turn is positive when a→b→c turns left, negative when it turns right and zero on a line.
func turn(a, b, c Point) int64 {
	return (int64(b.LonE7)-int64(a.LonE7))*(int64(c.LatE7)-int64(a.LatE7)) -
		(int64(b.LatE7)-int64(a.LatE7))*(int64(c.LonE7)-int64(a.LonE7))
}

// foldsBack says whether b→c runs back over a→b.
func foldsBack(a, b, c Point) bool {
	return turn(a, b, c) == 0 && (inBox(a, b, c) || inBox(b, c, a))
}

// inBox says whether p, known to be on the line of a and b, lies between them.
func inBox(a, b, p Point) bool {
	return min(a.LonE7, b.LonE7) <= p.LonE7 && p.LonE7 <= max(a.LonE7, b.LonE7) &&
		min(a.LatE7, b.LatE7) <= p.LatE7 && p.LatE7 <= max(a.LatE7, b.LatE7)
}

// touch says whether the segments ab and cd have a point in common (Cormen et
// al., Introduction to Algorithms, section 33.1).
func touch(a, b, c, d Point) bool {
	if max(a.LonE7, b.LonE7) < min(c.LonE7, d.LonE7) || max(c.LonE7, d.LonE7) < min(a.LonE7, b.LonE7) ||
		max(a.LatE7, b.LatE7) < min(c.LatE7, d.LatE7) || max(c.LatE7, d.LatE7) < min(a.LatE7, b.LatE7) {
		return false
	}
	t1, t2, t3, t4 := sign(turn(c, d, a)), sign(turn(c, d, b)), sign(turn(a, b, c)), sign(turn(a, b, d))
	if t1*t2 < 0 && t3*t4 < 0 {
		return true
	}
	return t1 == 0 && inBox(c, d, a) || t2 == 0 && inBox(c, d, b) || t3 == 0 && inBox(a, b, c) || t4 == 0 && inBox(a, b, d)
}

func sign(n int64) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// Within says whether p lies in the ring, on it, or at most marginM metres
// outside: even-odd rule (Shimrat, Algorithm 112, CACM 5, 1962), then distance to
// the edges on the equirectangular plane at p.
func Within(p Point, ring []Point, marginM float64) bool {
	ring = open(ring)
	if len(ring) < 3 || spread(append([]Point{p}, ring...)) >= maxSpreadE7 {
		return false
	}
	inside := false
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if turn(a, b, p) == 0 && inBox(a, b, p) {
			return true
		}
		if (a.LatE7 > p.LatE7) != (b.LatE7 > p.LatE7) && (turn(a, b, p) > 0) == (b.LatE7 > a.LatE7) {
			inside = !inside
		}
	}
	if inside || marginM <= 0 {
		return inside
	}
	scale := planeAt(float64(p.LatE7))
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if scale.distance(p, a, b) <= marginM {
			return true
		}
	}
	return false
}

// distance returns the metres from p to the segment ab.
func (s plane) distance(p, a, b Point) float64 {
	ax, ay := s.from(p, a)
	bx, by := s.from(p, b)
	dx, dy := bx-ax, by-ay
	length2 := float64(dx*dx) + float64(dy*dy)
	along := 0.0
	if length2 > 0 {
		along = min(1, max(0, -(float64(ax*dx)+float64(ay*dy))/length2))
	}
	return math.Hypot(ax+float64(along*dx), ay+float64(along*dy))
}

// from returns the metres east and north of origin at which p lies.
func (s plane) from(origin, p Point) (x, y float64) {
	return float64(int64(p.LonE7)-int64(origin.LonE7)) * s.east, float64(int64(p.LatE7)-int64(origin.LatE7)) * s.north
}

// fromFloat rounds a finite, not huge number to digits after the point.
func fromFloat(f float64, digits int) Decimal {
	scaled := math.Round(f * math.Pow10(digits))
	if math.IsNaN(scaled) || math.Abs(scaled) >= 1<<62 {
		return Decimal{}
	}
	return Decimal{Mantissa: int64(scaled), Scale: uint8(digits)}.Trim()
}
