package persian

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// fts returns an in-memory FTS5 table t(body) with one row per text, its
// rowid the index.
func fts(t testing.TB, tokenizer string, texts ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if _, err := db.Exec(fmt.Sprintf(`CREATE VIRTUAL TABLE t USING fts5(body, tokenize = '%s')`, tokenizer)); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if _, err := db.Exec(`INSERT INTO t(rowid, body) VALUES (?, ?)`, i, text); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func match(t testing.TB, db *sql.DB, query string) []int {
	t.Helper()
	rows, err := db.Query(`SELECT rowid FROM t WHERE t MATCH ? ORDER BY rowid`, query)
	if err != nil {
		t.Fatalf("MATCH %s: %v", query, err)
	}
	defer rows.Close()
	found := []int{}
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		found = append(found, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("MATCH %s: %v", query, err)
	}
	return found
}

// TestSearchFindsEverySpelling is the acceptance scenario: whichever way the
// verb was stored, each way of typing it finds the row, and no other row.
func TestSearchFindsEverySpelling(t *testing.T) {
	spellings := []string{"می\u200Cرود", "ميرود", "می رود", "مي\u200Cرود"}
	for _, stored := range spellings {
		db := fts(t, "unicode61", IndexText("او به خانه "+stored), IndexText("او از خانه آمد"))
		for _, typed := range append(spellings, "مِی\u200Cرود", "مـی\u200Cرود", "ﻣﯽ\u200Cرود") {
			if got := match(t, db, MatchQuery(typed, false)); !slices.Equal(got, []int{0}) {
				t.Errorf("stored %+q, typed %+q: rows %v, want [0]; query %s", stored, typed, got, MatchQuery(typed, false))
			}
		}
	}
}

// TestFTS5Pitfalls holds what SQLite's tokenizer does with raw Persian text,
// the reason for the folded column: each pair is one word to a reader.
func TestFTS5Pitfalls(t *testing.T) {
	for _, tt := range []struct{ name, stored, typed string }{
		{"ZWNJ separates", "می\u200Cرود", "میرود"},
		{"harakat split words", "مُحَمَّد", "محمد"},
		{"Arabic yeh", "علي", "علی"},
		{"Arabic kaf", "كتاب", "کتاب"},
		{"tatweel", "مــن", "من"},
		{"Persian digits", "۱۲۳", "123"},
		{"Arabic digits", "١٢٣", "۱۲۳"},
		{"heh with yeh", "خانۀ", "خانهٔ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, tokenizer := range []string{"unicode61", "unicode61 remove_diacritics 2"} {
				raw := fts(t, tokenizer, tt.stored)
				if got := match(t, raw, `"`+tt.typed+`"`); len(got) != 0 {
					t.Errorf("%s: raw %+q finds %+q, the pitfall is gone", tokenizer, tt.typed, tt.stored)
				}
				folded := fts(t, tokenizer, IndexText(tt.stored))
				if got := match(t, folded, MatchQuery(tt.typed, false)); len(got) != 1 {
					t.Errorf("%s: folded %+q does not find %+q", tokenizer, tt.typed, tt.stored)
				}
			}
		})
	}
}

func TestMatchQueryFinds(t *testing.T) {
	db := fts(t, "unicode61",
		IndexText("علی رضا محمدی"), IndexText("علیرضا احمدی"), IndexText("علی\u200Cرضا کریمی"),
		IndexText("کتاب\u200Cخانهٔ محلهٔ ۱۲"), IndexText("GIS-Report 7"), IndexText("رضا علوی"))
	for _, tt := range []struct {
		name, typed string
		prefix      bool
		want        []int
	}{
		{"joined name", "عليرضا", false, []int{0, 1, 2}},
		{"name with a space", "علی رضا", false, []int{0, 1, 2}},
		{"name with ZWNJ", "علی\u200Cرضا", false, []int{0, 1, 2}},
		{"all words needed", "علیرضا کریمی", false, []int{2}},
		{"beginning of a word", "محم", true, []int{0}},
		{"beginning is not a word", "محم", false, []int{}},
		{"beginning after ZWNJ", "کتاب\u200Cخا", true, []int{3}},
		{"beginning over a space", "علی رض", true, []int{0, 1, 2}},
		{"digits of another family", "محله ١٢", false, []int{3}},
		{"Latin", "gis report", false, []int{4}},
		{"punctuation parts", "GIS/Report", false, []int{4}},
		{"quotes are no syntax", `"رضا" OR "علوی"`, false, []int{}},
		{"operators are no syntax", "رضا NOT علوی", false, []int{}},
		{"column filters are no syntax", "body:رضا", false, []int{}},
		{"one part is enough elsewhere", "رضا", false, []int{0, 2, 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := match(t, db, MatchQuery(tt.typed, tt.prefix)); !slices.Equal(got, tt.want) {
				t.Errorf("%q finds %v, want %v; query %s", tt.typed, got, tt.want, MatchQuery(tt.typed, tt.prefix))
			}
		})
	}
}

func TestMatchQueryForm(t *testing.T) {
	for _, tt := range []struct {
		name, typed string
		prefix      bool
		want        string
	}{
		{"one word", "خانه", false, `("خانه")`},
		{"prefix", "خانه", true, `("خانه"*)`},
		{"ZWNJ", "می\u200Cرود", false, `("میرود" OR ("می" AND "رود"))`},
		{"two words", "می رود", false, `("می" OR "میرود") AND ("رود" OR "میرود")`},
		{"nothing", " ؟! ", true, ""},
		{"ZWNJ alone", "\u200C \u200C", false, ""},
	} {
		if got := MatchQuery(tt.typed, tt.prefix); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	long := MatchQuery(strings.Repeat("کلمه ", 10_000), false)
	if got := strings.Count(long, " AND ") + 1; got != MaxQueryWords {
		t.Errorf("a pasted text makes %d words, want %d", got, MaxQueryWords)
	}
}

func TestIndexText(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"ZWNJ", "می\u200Cرود", "میرود می رود"},
		{"neighbours joined", "علی رضا", "علی رضا علیرضا"},
		{"each word once", "محله، محله", "محله محلهمحله"},
		{"empty", "", ""},
	} {
		if got := IndexText(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzMatchQuery(f *testing.F) {
	f.Add(`"می‌رود" OR NEAR(*)`, true)
	db := fts(f, "unicode61", IndexText("او به خانه می\u200Cرود"))
	f.Fuzz(func(t *testing.T, s string, prefix bool) {
		query := MatchQuery(s, prefix)
		if query == "" {
			if Fold(s) != "" && len(s) <= MaxQueryBytes {
				t.Fatalf("%+q folds to %+q and makes no query", s, Fold(s))
			}
			return
		}
		match(t, db, query) // fails when the query is no valid expression
	})
}
