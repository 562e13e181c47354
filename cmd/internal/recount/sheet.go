package recount

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// Sheet are all numbers of all figures, by names such as "D13.density" and, in
// tables, "D13.by_category|physical|share".
type Sheet map[string]Cell

// Cell is one number: exact, to be rounded as it is published, or a text: "—" for
// what is not known, "<5" and "*" for what is not shown, a code, a date.
type Cell struct {
	exact *big.Rat
	text  string
}

func (c Cell) String() string {
	if c.exact == nil {
		return c.text
	}
	return c.exact.FloatString(6)
}

// Rounded is the number as it is published with so many digits after its point, or
// the text.
func (c Cell) Rounded(digits int) string {
	if c.exact == nil {
		return c.text
	}
	return c.exact.FloatString(digits)
}

func (s Sheet) count(key string, n int64)          { s[key] = Cell{exact: new(big.Rat).SetInt64(n)} }
func (s Sheet) word(key, text string)              { s[key] = Cell{text: cmp.Or(text, "—")} }
func (s Sheet) share(key string, num, den int64)   { s.ratio(key, num, den, 100) }
func (s Sheet) quotient(key string, a, b *big.Rat) { s.number(key, over(a, b)) }

// ratio is factor*num/den, "—" without a denominator.
func (s Sheet) ratio(key string, num, den, factor int64) {
	s.quotient(key, new(big.Rat).SetInt64(num*factor), new(big.Rat).SetInt64(den))
}

// number is an exact number, or "—" for nil.
func (s Sheet) number(key string, x *big.Rat) {
	if x == nil {
		s[key] = Cell{text: "—"}
		return
	}
	s[key] = Cell{exact: x}
}

func over(a, b *big.Rat) *big.Rat {
	if b.Sign() == 0 {
		return nil
	}
	return new(big.Rat).Quo(a, b)
}

func rat(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// rank is a percentile by nearest rank, false of nothing.
func rank(all []int64, percent int64) (int64, bool) {
	if len(all) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(all))
	n := int64(len(all))
	at := (percent*n + 99) / 100
	return sorted[max(at, 1)-1], true
}

// percentile writes one, "—" of nothing.
func (s Sheet) percentile(key string, all []int64, percent int64) {
	if n, ok := rank(all, percent); ok {
		s.count(key, n)
	} else {
		s.word(key, "")
	}
}

// printed is a figure as `mahalleh report --json` prints it.
type printed struct {
	ID     string
	AsOf   int64 `json:"as_of"`
	Lag    printedValue
	Values []printedValue
	Tables []struct {
		Name string
		Rows []struct {
			Place, Record, Code, Name string
			Cells                     []printedValue
		}
	}
}

type printedValue struct {
	Name, Kind, State string
	Value             any
}

func (v printedValue) String() string {
	switch v.State {
	case "unknown":
		return "—"
	case "small":
		return "<5"
	case "hidden":
		return "*"
	}
	return fmt.Sprint(v.Value)
}

// Report is what a report printed, by the names of a Sheet.
type Report struct {
	numbers map[string]string
	percent map[string]bool
	// AsOf is the moment that it was asked for, Unix milliseconds.
	AsOf int64
}

// ReadReport reads what `mahalleh report --json` printed.
func ReadReport(in io.Reader) (*Report, error) {
	r := &Report{numbers: map[string]string{}, percent: map[string]bool{}}
	dec := json.NewDecoder(in)
	dec.UseNumber()
	for {
		var f printed
		if err := dec.Decode(&f); err == io.EOF {
			return r, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the report: %w", err)
		}
		r.AsOf = f.AsOf
		f.Lag.Name = "lag"
		for _, v := range append(f.Values, f.Lag) {
			r.add(f.ID+"."+v.Name, v)
		}
		for _, t := range f.Tables {
			for _, row := range t.Rows {
				name := []string{f.ID + "." + t.Name}
				switch {
				case row.Record != "":
					name = append(name, longID(row.Record))
					if row.Place != "" && t.Name == "device_list" {
						name = append(name, longID(row.Place))
					}
				case row.Place != "":
					name = append(name, longID(row.Place))
				case row.Name != "":
					name = append(name, row.Name)
				}
				if row.Code != "" {
					name = append(name, row.Code)
				}
				for _, v := range row.Cells {
					if v.Name == "month" || v.Name == "instrument" {
						name = append(name, v.String())
					}
				}
				for _, v := range row.Cells {
					r.add(strings.Join(append(slices.Clone(name), v.Name), "|"), v)
				}
			}
		}
	}
}

func (r *Report) add(key string, v printedValue) {
	r.numbers[key] = v.String()
	r.percent[key] = v.Kind == "percent"
}

// longID is a short id of 22 characters in hexadecimal.
func longID(short string) string {
	raw, err := base64.RawURLEncoding.DecodeString(short)
	if err != nil {
		return short
	}
	return hex.EncodeToString(raw)
}

// plainID is an id without hyphens.
func plainID(id string) string { return strings.ReplaceAll(id, "-", "") }

// Compare says where a report and the recount differ, a line each.
func Compare(r *Report, s Sheet) []string {
	var out []string
	for key, got := range r.numbers {
		want, ok := s[key]
		if !ok {
			out = append(out, fmt.Sprintf("%s: the report says %s, the recount nothing", key, got))
			continue
		}
		text := want.text
		if want.exact != nil {
			_, digits, _ := strings.Cut(got, ".")
			text = want.exact.FloatString(len(digits))
			if r.percent[key] && len(digits) > 1 {
				text = want.exact.FloatString(1)
			}
		}
		if got != text {
			out = append(out, fmt.Sprintf("%s: the report says %s, the recount %s (%s)", key, got, text, want))
		}
	}
	for key, want := range s {
		if _, ok := r.numbers[key]; !ok {
			out = append(out, fmt.Sprintf("%s: the recount says %s, the report nothing", key, want))
		}
	}
	slices.Sort(out)
	return out
}
