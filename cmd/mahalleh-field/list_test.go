package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"mahalleh/cmd/internal/cli"
)

// TestPages proves that the pages of a list join without a gap or a repetition,
// in the order of the Persian alphabet, whatever filter is on.
func TestPages(t *testing.T) {
	p := newPerson(t)
	p.enrol()
	var want []string
	for _, name := range []string{"آب‌انبار", "باغ", "پارک", "تپه", "چشمه", "ژاله", "کاج", "گلزار", "یاس"} {
		want = append(want, name)
		code, _, stderr := p.run("", "new", "asset", "--set", "category=physical", "--set", "subtype=park", "--set", "title_fa="+name)
		if code != cli.OK {
			t.Fatal(stderr)
		}
	}
	next := regexp.MustCompile(`--after (\S+)`)
	for _, filter := range [][]string{nil, {"--state", "pending"}, {"asset"}} {
		t.Run(fmt.Sprint(filter), func(t *testing.T) {
			var got []string
			args := append([]string{"list", "--max", "4"}, filter...)
			for pages := 1; ; pages++ {
				_, stdout, stderr := p.run("", args...)
				for line := range strings.Lines(stdout) {
					for _, name := range want {
						if strings.Contains(line, " "+name+" ") {
							got = append(got, name)
						}
					}
				}
				more := next.FindStringSubmatch(stderr)
				if more == nil {
					if pages != 3 {
						t.Errorf("%d pages, want 3", pages)
					}
					break
				}
				args = append(append([]string{"list", "--max", "4"}, filter...), "--after", more[1])
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	if _, stdout, _ := p.run("", "list", "--all", "--max", "1"); strings.Count(stdout, "\n") != len(want)+1 {
		t.Errorf("--all gave\n%s", stdout)
	}
}
