// Package formview is how a page, a form, a value and a figure are shown: the
// shell of a page, templates, styles, font and scripts, and the writing of
// dates, numbers, amounts and durations in the page's language. It knows no
// route, no store and no session: the facilitator's screen and the committee's
// pages bring those, and give every template a [Page].
//
// Files that other people wrote stand in static beside their licences;
// THIRD_PARTY.md says which, from where, and with which hash.
package formview
