package wire

import (
	"cmp"
	"container/heap"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mahalleh/syncproto/prototest/corpus"
)

// A dictionary in use may not change: who trains one gives it a new number.
var train = flag.Bool("train", false, "train the dictionary anew and write it")

// maxDict bounds the dictionary, which travels in every program.
const maxDict = 8 << 10

// The dictionary is trained on this many logs of so many changes, with words
// and seeds that no measurement uses.
const (
	trainingLogs    = 60
	trainingChanges = 60
	trainingSeed    = 1_000_000
)

// sample are the packed streams of one change alone.
type sample [2][]byte

func trainingStreams(t *testing.T) (out []sample) {
	t.Helper()
	fold := newFolder()
	for seed := range int64(trainingLogs) {
		changes, err := corpus.Changes(trainingSeed+seed, corpus.Training(), trainingChanges, NewChange)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := new(Tables).extend(changes)
		if err != nil {
			t.Fatal(err)
		}
		for i, ch := range changes {
			s := &streams{fold: fold}
			newPacker(ch.Header.OriginLog, tables, s).change(uint64(i+1), ch)
			out = append(out, sample{s.nums.buf, s.letters.buf})
		}
	}
	return out
}

// letterContext parts the bytes before a letter into kinds: the start and
// spaces, Latin letters, Persian letters, all else.
func letterContext(prev byte) int {
	switch {
	case prev == 0 || prev == ' ':
		return 0
	case prev >= 'a' && prev <= 'z' || prev == '_':
		return 1
	case prev >= 0x80:
		return 2
	}
	return 3
}

// trainPrefixTable counts the bytes in each context and gives each context the
// best code: four contexts for letters, one for each of the commonest bytes
// before a number, one for the others.
func trainPrefixTable(samples []sample) []byte {
	const letterContexts, numContexts = 4, 32
	var before [256]int
	for _, s := range samples {
		prev := byte(0)
		for _, b := range s[0] {
			before[prev]++
			prev = b
		}
	}
	common := make([]byte, 256)
	for i := range common {
		common[i] = byte(i)
	}
	slices.SortStableFunc(common, func(a, b byte) int { return cmp.Compare(before[b], before[a]) })

	out := make([]byte, 512)
	for i := range 256 {
		out[i] = letterContexts
		out[256+i] = byte(letterContext(byte(i)))
	}
	for i, b := range common[:numContexts-1] {
		out[b] = byte(letterContexts + 1 + i)
	}
	counts := make([][256]int, letterContexts+numContexts)
	for _, s := range samples {
		for i, stream := range s {
			prev := byte(0)
			for _, b := range stream {
				counts[out[256*i+int(prev)]][b]++
				prev = b
			}
		}
	}
	for _, c := range counts {
		lengths := codeLengths(c)
		for i := 0; i < 256; i += 2 {
			out = append(out, lengths[i]<<4|lengths[i+1])
		}
	}
	return out
}

// codeLengths returns Huffman code lengths of at most maxCode bits, one for
// every byte, however rare.
func codeLengths(counts [256]int) (lengths [256]uint8) {
	for shift := 0; ; shift++ {
		var h nodes
		for s, n := range counts {
			h = append(h, &node{weight: (n*8)>>shift + 1, symbols: []int{s}})
		}
		heap.Init(&h)
		lengths = [256]uint8{}
		for h.Len() > 1 {
			a, b := heap.Pop(&h).(*node), heap.Pop(&h).(*node)
			both := append(slices.Clone(a.symbols), b.symbols...)
			for _, s := range both {
				lengths[s]++
			}
			heap.Push(&h, &node{weight: a.weight + b.weight, symbols: both})
		}
		if slices.Max(lengths[:]) <= maxCode {
			return lengths
		}
	}
}

type node struct {
	weight  int
	symbols []int
}

type nodes []*node

func (h nodes) Len() int { return len(h) }
func (h nodes) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].weight, h[j].weight), cmp.Compare(h[i].symbols[0], h[j].symbols[0])) < 0
}
func (h nodes) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *nodes) Push(x any)   { *h = append(*h, x.(*node)) }
func (h *nodes) Pop() any {
	x := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return x
}

func TestDictionary(t *testing.T) {
	name := filepath.Join("dict", "1.codes")
	if *train {
		if err := os.WriteFile(name, trainPrefixTable(trainingStreams(t)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(d) > maxDict {
		t.Errorf("%s: got %d bytes, want at most %d", name, len(d), maxDict)
	}
}
