package indicators

// Pearl holds the five answers that decide whether a problem is worked on at
// all: propriety, economic feasibility, acceptability, resources, legality.
type Pearl struct {
	Propriety, Economics, Acceptability, Resources, Legality bool
}

// all reports whether every answer is yes.
func (p Pearl) all() bool {
	return p.Propriety && p.Economics && p.Acceptability && p.Resources && p.Legality
}

// HanlonOPR is the overall priority rating of the basic priority rating system,
// OPR = (A+B)·C/3 · D: size A 0-10, seriousness B 0-20, effectiveness C 0-10,
// and D the product of the PEARL answers, so that one "no" makes it zero. At
// most 100.
//
// Source: Hanlon's method as taught in "Basic Priority Rating System", UIC
// School of Public Health; the ranges are the usual ones. False for a score
// outside of its range.
func HanlonOPR(a, b, c int64, pearl Pearl) (Micro, bool) {
	if !within(a, 0, 10) || !within(b, 0, 20) || !within(c, 0, 10) {
		return 0, false
	}
	if !pearl.all() {
		return 0, true
	}
	return Ratio((a+b)*c, 3)
}

// HanlonNACCHO is the version of the National Association of County and City
// Health Officials, (A+2B)·C with A, B, C 0-10: at most 300. PEARL is asked
// before, and not reckoned in. False for a score outside of its range.
//
// Source: NACCHO, Guide to Prioritization Techniques, as it is remembered.
func HanlonNACCHO(a, b, c int64) (Micro, bool) {
	if !within(a, 0, 10) || !within(b, 0, 10) || !within(c, 0, 10) {
		return 0, false
	}
	return Whole((a + 2*b) * c), true
}

func within(n, low, high int64) bool { return n >= low && n <= high }
