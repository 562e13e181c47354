// Package texts holds every text that a person reads, in Persian and English,
// and writes it out with its arguments.
//
// Each text is named by a [Key] and stands in catalogue/en and catalogue/fa,
// one pair of files per area: the text "done" of catalogue/en/sync.toml has the
// key "sync.done". Commands and screens share the catalogues, so that an error
// reads the same wherever it is met. A test of cmd/internal/cli type-checks
// whoever uses them and proves that each key that is used exists in both
// languages with the same arguments, and that each key that exists is used.
package texts
