// Package alike says how sure it is that two records of one form are about the same:
// somebody in another spelling, or the same number under another name.
//
// A device asks it while somebody types, of the few records that its index holds near
// to what is typed ([Comparison.Begins]); the committee's pages ask it of all records
// of a place at once ([Comparison.Pairs]). Both show what it finds to a person and
// decide nothing by themselves.
package alike
