package indicators

import "math"

// Capacity is what a round of scores from 1 to 5 comes to, whatever the
// instrument (Laverack's nine domains, Goodman's, Rifkin's, Liberato's).
type Capacity struct {
	Mean Micro
	// Index100 is the mean on a scale from 0 to 100.
	Index100 Micro
	// Area is the area of the spider's web divided by that of the full one. It
	// depends on the order of the domains, so that must be the instrument's.
	Area Micro
}

// CapacityOf reckons with the scores of a round, in the order of the
// instrument's domains. False if there are fewer than three or one is not 1 to 5.
//
// Source: G. Laverack, "Evaluating community capacity: visual representation and
// interpretation" (2006) for the spider's web; the area is this project's.
func CapacityOf(scores []int64) (Capacity, bool) {
	n := int64(len(scores))
	if n < 3 {
		return Capacity{}, false
	}
	var sum, web int64
	for i, s := range scores {
		if !within(s, 1, 5) {
			return Capacity{}, false
		}
		sum += s
		web += s * scores[(i+1)%len(scores)]
	}
	var c Capacity
	c.Mean, _ = Ratio(sum, n)
	c.Index100, _ = Ratio(25*(sum-n), n)
	c.Area, _ = Ratio(web, 25*n)
	return c, true
}

// FlagDelta is the change of a domain's score between two rounds from which on
// it is looked at again (a choice of this project).
const FlagDelta = 2

// Delta is how a domain's score changed, and whether that needs a second look.
//
// Source: two rounds of the same instrument, G. Laverack (2005); the flag is a choice of this
// project.
func Delta(before, after int64) (delta int64, flagged bool) {
	delta = after - before
	return delta, delta >= FlagDelta || delta <= -FlagDelta
}

// MaxDisagreement is the standard deviation of single votes beyond which a
// domain is talked over again (a choice of this project).
const MaxDisagreement = One

// Disagreement is the standard deviation of the single votes on one domain, of
// all who voted (divided by their number). votes[i] is how many voted i+1. False
// if nobody did.
//
// Source: the standard deviation of all votes; the bound is a choice of this project.
func Disagreement(votes [5]int64) (sd Micro, again, ok bool) {
	var n, sum, squares int64
	for i, v := range votes {
		if v < 0 {
			return 0, false, false
		}
		s := int64(i + 1)
		n += v
		sum += s * v
		squares += s * s * v
	}
	if n == 0 {
		return 0, false, false
	}
	sd = rounded(math.Sqrt(float64(n*squares-sum*sum)) / float64(n))
	return sd, sd > MaxDisagreement, true
}

// Strength is one capacity on three scales from 1 to 4: how strong it is, how
// important, and how sure the group is.
type Strength struct{ Strength, Importance, Confidence int64 }

// LowConfidence is the mean confidence below which a result is labelled so (a
// choice of this project; the source says to gather more information).
const LowConfidence = 25 * One / 10

// WeightedStrength is Σ strength·importance / Σ importance, and whether the mean
// confidence is low. False if there is nothing, or something is not 1 to 4.
//
// Source: the capacity assessment of "Ecology and Society" 18(1):25, table 3.
func WeightedStrength(all []Strength) (mean Micro, low, ok bool) {
	var weighed, importance, confidence int64
	for _, s := range all {
		if !within(s.Strength, 1, 4) || !within(s.Importance, 1, 4) || !within(s.Confidence, 1, 4) {
			return 0, false, false
		}
		weighed += s.Strength * s.Importance
		importance += s.Importance
		confidence += s.Confidence
	}
	if mean, ok = Ratio(weighed, importance); !ok {
		return 0, false, false
	}
	sure, _ := Ratio(confidence, int64(len(all)))
	return mean, sure < LowConfidence, true
}

// NotApplicable is the answer of a CHANGE item that does not fit the place.
const NotApplicable = 99

// CHANGE is the score of one of CDC CHANGE's sectors in percent, of items from 1
// to 5: Σ / (5·answered) · 100. Items that are not applicable do not count. asset
// says that it is above 60, else there is a need. False if nothing was answered,
// or an item is neither 1 to 5 nor NotApplicable.
//
// Source: CDC, Community Health Assessment aNd Group Evaluation (CHANGE) action
// guide; the border at 60 is the guide's as it is usually told.
func CHANGE(items []int64) (percent Micro, asset, ok bool) {
	var sum, answered int64
	for _, s := range items {
		if s == NotApplicable {
			continue
		}
		if !within(s, 1, 5) {
			return 0, false, false
		}
		sum += s
		answered++
	}
	percent, ok = Ratio(100*sum, 5*answered)
	return percent, percent > 60*One, ok
}
