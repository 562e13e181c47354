//go:build planted

package planted

// names are those of all faults; a test holds them against the source and
// against docs/planted.md.
var names = []string{
	"a base that is current is trusted",
	"a child waits for ever",
	"a page splits a record",
	"a sequence is used twice",
	"acknowledged before the commit",
	"duplicates are recognised by log and sequence",
	"equal values are collapsed",
	"erased content stays in history",
	"merged text is stored",
	"names of unreceived changes are forgotten",
	"the base is taken at save",
	"the clock decides",
	"the loser is dropped",
	"the scope filter is skipped on what left",
}
