package indicators

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Count is one thing counted: what, and how often.
type Count struct {
	Key string
	N   int64
}

// Counts are what one record adds to its place: ascending by key, each once.
// Keys are made and read by this package alone; to everybody else they are
// opaque texts of ASCII and names, without control characters.
type Counts []Count

// Text writes counts for keeping, a line for each.
func (c Counts) Text() string {
	var b strings.Builder
	for _, x := range c {
		b.WriteString(x.Key)
		b.WriteByte('\t')
		b.WriteString(strconv.FormatInt(x.N, 10))
		b.WriteByte('\n')
	}
	return b.String()
}

// ParseCounts reads what Text wrote.
func ParseCounts(text string) (Counts, error) {
	var c Counts
	for line := range strings.Lines(text) {
		key, n, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		count, err := strconv.ParseInt(n, 10, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("line %d of counts is damaged: %.40q", len(c)+1, line)
		}
		c = append(c, Count{key, count})
	}
	return c, nil
}

// Counter is the sum of the counts of a place's records. Sums know no order, so
// a counter is the same whatever came first and whatever was there in between.
// No key has a sum of zero.
type Counter map[string]int64

// Add puts a record's counts in.
func (c Counter) Add(counts Counts) {
	for _, x := range counts {
		c.add(x.Key, x.N)
	}
}

// Subtract takes them out again.
func (c Counter) Subtract(counts Counts) {
	for _, x := range counts {
		c.add(x.Key, -x.N)
	}
}

func (c Counter) add(key string, n int64) {
	if n += c[key]; n != 0 {
		c[key] = n
	} else {
		delete(c, key)
	}
}

// counting gathers the counts of one record.
type counting struct{ all Counts }

// one counts a thing once.
func (c *counting) one(kind string, parts ...part) { c.many(1, kind, parts...) }

func (c *counting) many(n int64, kind string, parts ...part) {
	if n != 0 {
		c.all = append(c.all, Count{key(kind, parts), n})
	}
}

// done are the counts in order, equal keys added up.
func (c *counting) done() Counts {
	slices.SortFunc(c.all, func(a, b Count) int { return cmp.Compare(a.Key, b.Key) })
	out := c.all[:0]
	for _, x := range c.all {
		if n := len(out); n > 0 && out[n-1].Key == x.Key {
			out[n-1].N += x.N
		} else {
			out = append(out, x)
		}
	}
	return out
}
