package workflow

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/indicators"
)

// Counted is a record that a result counts, in the version that it counts.
type Counted struct{ Record, Version schemas.ID }

// Snapshot is a frozen result: what was counted, and by which formulas.
type Snapshot struct {
	Number  int
	Formula string
	// Hash is that of the content, as 64 hexadecimal digits.
	Hash string
}

// ErrCountedTwice says that a record stands twice in what is to be frozen.
var ErrCountedTwice = errors.New("a record is counted twice")

// Freeze makes the snapshot of a result. Its hash is the SHA-256 of the line
// "mahalleh content 1", the number of records as eight bytes, big end first, and
// the ids of each record and its version, in the order of the records' ids: whoever
// holds these versions can say whether they are what was frozen. The order of the
// content given does not matter.
func Freeze(number int, formula string, content []Counted) (Snapshot, error) {
	sorted := slices.Clone(content)
	slices.SortFunc(sorted, func(a, b Counted) int { return bytes.Compare(a.Record[:], b.Record[:]) })
	h := sha256.New()
	h.Write([]byte("mahalleh content 1\n"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(sorted))))
	for i, c := range sorted {
		if i > 0 && c.Record == sorted[i-1].Record {
			return Snapshot{}, ErrCountedTwice
		}
		h.Write(c.Record[:])
		h.Write(c.Version[:])
	}
	return Snapshot{Number: number, Formula: formula, Hash: hex.EncodeToString(h.Sum(nil))}, nil
}

// FormulaOf names the formulas and the settings of a province by which figures are made.
func FormulaOf(s *indicators.Settings) string {
	settings := s.Version
	if settings != indicators.ShippedSettings {
		settings = hex.EncodeToString([]byte(settings))
	}
	return fmt.Sprintf("%d %s", indicators.Version, settings)
}

// SnapshotForm is the form in which the content of a snapshot is kept beside the
// dossier, in as many records as it needs.
const SnapshotForm = indicators.SnapshotForm

// DossierForms are the forms whose records a dossier rests on and whoever approves
// it may read. What stands in more protected compartments (key persons, households, interviews,
// harm) is not among them: a committee decides on what it sees.
var DossierForms = []string{"neighbourhood", "neighbourhood_profile", "block", "local_team", "capacity_assessment", "asset",
	"survey_campaign", "focus_group", "need", "prioritisation_round", "ballot", "activity"}

// countedLine is a record and its version as the content is written: 43 letters.
const countedLine = 43

// linesInPart is how many records one part of the content holds, so that it fits
// into a long text.
const linesInPart = 440

// EncodeCounted writes content as the texts of its parts: a line for each record, in
// the order of their ids, with the 32 bytes of id and version in the letters of
// base64url. Content without records has one empty part.
func EncodeCounted(content []Counted) []string {
	sorted := slices.Clone(content)
	slices.SortFunc(sorted, func(a, b Counted) int { return bytes.Compare(a.Record[:], b.Record[:]) })
	var parts []string
	for part := range slices.Chunk(sorted, linesInPart) {
		var b strings.Builder
		for i, c := range part {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(base64.RawURLEncoding.EncodeToString(append(c.Record[:], c.Version[:]...)))
		}
		parts = append(parts, b.String())
	}
	if parts == nil {
		parts = []string{noRecordsCounted}
	}
	return parts
}

// noRecordsCounted is the content of a dossier that counts nothing.
const noRecordsCounted = "-"

// ErrContent says that the content of a snapshot cannot be read.
var ErrContent = errors.New("the content of the snapshot cannot be read")

// DecodeCounted reads the parts that EncodeCounted wrote, in their order.
func DecodeCounted(parts []string) ([]Counted, error) {
	var content []Counted
	for _, part := range parts {
		if part == noRecordsCounted {
			continue
		}
		for line := range strings.SplitSeq(part, "\n") {
			b, err := base64.RawURLEncoding.DecodeString(line)
			if len(line) != countedLine || err != nil {
				return nil, ErrContent
			}
			content = append(content, Counted{schemas.ID(b[:16]), schemas.ID(b[16:])})
		}
	}
	return content, nil
}

// Difference is a record that is not as it was frozen.
type Difference struct {
	Record schemas.ID
	// How is changed, added or gone.
	How string
}

// How a record differs from what was frozen.
const (
	Changed = "changed"
	Added   = "added"
	Gone    = "gone"
)

// Differences compares what was frozen with what is there now, in the order of the
// records' ids.
func Differences(frozen, now []Counted) []Difference {
	was, is := versions(frozen), versions(now)
	var all []Difference
	for id, v := range was {
		switch w, there := is[id]; {
		case !there:
			all = append(all, Difference{id, Gone})
		case v != w:
			all = append(all, Difference{id, Changed})
		}
	}
	for id := range is {
		if _, there := was[id]; !there {
			all = append(all, Difference{id, Added})
		}
	}
	slices.SortFunc(all, func(a, b Difference) int { return bytes.Compare(a.Record[:], b.Record[:]) })
	return all
}

func versions(content []Counted) map[schemas.ID]schemas.ID {
	all := make(map[schemas.ID]schemas.ID, len(content))
	for _, c := range content {
		all[c.Record] = c.Version
	}
	return all
}
