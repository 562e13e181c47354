package expr

import (
	"errors"
	"fmt"
)

// ErrNoPlace says that a latitude or longitude lies outside the globe.
var ErrNoPlace = errors.New("no place on earth")

// Point is a WGS84 position in units of 1e-7 degree (about one centimetre),
// with the accuracy its receiver reported in decimetres; accuracy 0 means unknown.
type Point struct {
	LatE7, LonE7 int32
	AccuracyDM   uint32
}

const (
	e7       = 10_000_000
	maxLatE7 = 90 * e7
	maxLonE7 = 180 * e7
)

// NewPoint makes a point from exact degrees and metres, rounded to the units of Point.
// It returns ErrNoPlace when a coordinate lies outside the globe or the accuracy is negative.
func NewPoint(lat, lon, accuracyM Decimal) (Point, error) {
	latE7, err := scaled(lat, 7)
	if err != nil || latE7 < -maxLatE7 || latE7 > maxLatE7 {
		return Point{}, fmt.Errorf("latitude %s: %w", lat, ErrNoPlace)
	}
	lonE7, err := scaled(lon, 7)
	if err != nil || lonE7 < -maxLonE7 || lonE7 > maxLonE7 {
		return Point{}, fmt.Errorf("longitude %s: %w", lon, ErrNoPlace)
	}
	accuracy, err := scaled(accuracyM, 1)
	if err != nil || accuracy < 0 || accuracy > 1<<31 {
		return Point{}, fmt.Errorf("accuracy %s m: %w", accuracyM, ErrNoPlace)
	}
	return Point{int32(latE7), int32(lonE7), uint32(accuracy)}, nil
}

// Valid says whether the coordinates lie on the globe.
func (p Point) Valid() bool {
	return p.LatE7 >= -maxLatE7 && p.LatE7 <= maxLatE7 && p.LonE7 >= -maxLonE7 && p.LonE7 <= maxLonE7
}

// Lat returns the latitude in degrees, exactly.
func (p Point) Lat() Decimal { return Decimal{int64(p.LatE7), 7}.Trim() }

// Lon returns the longitude in degrees, exactly.
func (p Point) Lon() Decimal { return Decimal{int64(p.LonE7), 7}.Trim() }

// AccuracyM returns the accuracy in metres, exactly.
func (p Point) AccuracyM() Decimal { return Decimal{int64(p.AccuracyDM), 1}.Trim() }

// scaled returns d as a whole number of units of 10^-digits.
func scaled(d Decimal, digits int) (int64, error) {
	d = d.Round(digits)
	units, err := d.Mul(Decimal{Mantissa: power10(digits).Int64()})
	if err != nil {
		return 0, err
	}
	n, _ := units.Int64()
	return n, nil
}
