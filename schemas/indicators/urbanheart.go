package indicators

// Colour is how an indicator of Urban HEART is shown.
type Colour string

// The colours. No data has one of its own, which is never green.
const (
	Green  Colour = "green"
	Yellow Colour = "yellow"
	Red    Colour = "red"
	Blank  Colour = "blank"
)

// Measured is a value that may not be known.
type Measured struct {
	Value Micro
	Known bool
}

// UrbanHEART colours a neighbourhood's value: green if it meets or beats the
// target, else yellow if it is no worse than the mean of the city or the country,
// else red. up says that more is better. Without a value it is blank; without a
// target or a mean that comparison is left out, and without both it is blank.
//
// Source: WHO Urban HEART (2010) and its second round in Tehran (2011); the rule
// as it is usually told.
func UrbanHEART(value, target, mean Measured, up bool) Colour {
	beats := func(v, w Micro) bool {
		if up {
			return v >= w
		}
		return v <= w
	}
	switch {
	case !value.Known || !target.Known && !mean.Known:
		return Blank
	case target.Known && beats(value.Value, target.Value):
		return Green
	case mean.Known && beats(value.Value, mean.Value):
		return Yellow
	}
	return Red
}

// EquityGap is the greatest value less the smallest over all neighbourhoods, and
// ratio the worst divided by the best. False without a value; the ratio is false
// too if the best is zero.
//
// Source: WHO Urban HEART (2010), on differences between neighbourhoods.
func EquityGap(values []Micro, up bool) (gap Micro, ratio Measured, ok bool) {
	if len(values) == 0 {
		return 0, Measured{}, false
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	worst, best := low, high
	if !up {
		worst, best = high, low
	}
	ratio.Value, ratio.Known = Ratio(int64(worst), int64(best))
	return high - low, ratio, true
}
