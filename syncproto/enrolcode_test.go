package syncproto

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type codeVector struct {
	Name        string `json:"name"`
	Secret      string `json:"secret"`
	Number      uint32 `json:"number"`
	Fingerprint string `json:"fingerprint"`
	Text        string `json:"text"`
	Place       string `json:"place"`
	Author      string `json:"author"`
	SecretHash  string `json:"secretHash"`
}

func vectorCode(t *testing.T, v codeVector) *EnrolCode {
	t.Helper()
	c := &EnrolCode{Number: v.Number}
	for _, f := range []struct {
		to   []byte
		from string
	}{{c.Secret[:], v.Secret}, {c.Fingerprint[:], v.Fingerprint}} {
		b, err := hex.DecodeString(f.from)
		if err != nil || len(b) != len(f.to) {
			t.Fatalf("vector %s: bad hexadecimal %q", v.Name, f.from)
		}
		copy(f.to, b)
	}
	return c
}

func TestEnrolCodeVectors(t *testing.T) {
	buf, err := os.ReadFile(filepath.Join("testdata", "enrolcode.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []codeVector
	if err := json.Unmarshal(buf, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			c := vectorCode(t, v)
			got := codeVector{v.Name, v.Secret, v.Number, v.Fingerprint, c.String(), c.Place().String(), c.Author().String(), c.SecretHash().String()}
			if got != v {
				t.Errorf("got  %+v\nwant %+v", got, v)
			}
			back, err := ParseEnrolCode(v.Text)
			if err != nil || *back != *c {
				t.Errorf("parsed %+v, %v, want %+v", back, err, c)
			}
		})
	}
}

func sampleCode() *EnrolCode {
	return &EnrolCode{Secret: [10]byte{1, 0, 200, 30, 99, 17, 250, 8, 128, 7}, Number: 1044, Fingerprint: [8]byte{9, 88, 7, 66, 5, 44, 3, 222}}
}

func TestParseEnrolCodeForgives(t *testing.T) {
	c := sampleCode()
	text := c.String()
	persian := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '۰'
		}
		return r
	}, text)
	parts := c.Parts()
	rows := []struct{ name, text string }{
		{"as printed", text},
		{"small letters", strings.ToLower(text)},
		{"no hyphens", strings.ReplaceAll(text, "-", "")},
		{"lines", strings.Join(parts[:], "\n")},
		{"blanks and dashes", "  " + strings.ReplaceAll(text, "-", " \u2013 ") + "\u200f"},
		{"hyphens elsewhere", strings.ReplaceAll(text[:4]+"-"+text[4:], "-", "--")},
		{"Persian digits", persian},
		{"Arabic digits", strings.Map(func(r rune) rune {
			if r >= '۰' && r <= '۹' {
				return r - '۰' + '٠'
			}
			return r
		}, persian)},
		{"letter O for zero", strings.ReplaceAll(text, "0", "O")},
		{"letter I for one", strings.ReplaceAll(text, "1", "I")},
		{"letter l for one", strings.ReplaceAll(text, "1", "l")},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got, err := ParseEnrolCode(r.text)
			if err != nil || *got != *c {
				t.Errorf("%q: got %+v, %v, want %+v", r.text, got, err, c)
			}
		})
	}
}

func TestParseEnrolCodeSaysWhere(t *testing.T) {
	text := sampleCode().String()
	groups := strings.Split(text, "-")
	change := func(group int, to string) string {
		g := append([]string(nil), groups...)
		g[group] = to
		return strings.Join(g, "-")
	}
	rows := []struct {
		name, text string
		part       int
		err        error
	}{
		{"empty", "", 0, ErrCodeLength},
		{"one group only", groups[0], 0, ErrCodeLength},
		{"a letter missing in group 6", change(5, groups[5][:4]), 3, ErrCodeLength},
		{"a letter too many in group 1", change(0, groups[0]+"A"), 1, ErrCodeLength},
		{"far too long", strings.Repeat("A", 10000), 0, ErrCodeLength},
		{"a letter of no code", change(4, "U"+groups[4][1:]), 3, ErrCodeLetter},
		{"a Persian letter", change(7, groups[7][:4]+"ب"), 4, ErrCodeLetter},
		{"parts exchanged", strings.Join(append(append([]string(nil), groups[2:4]...), append(append([]string(nil), groups[:2]...), groups[4:]...)...), "-"), 1, ErrCodeMistyped},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, err := ParseEnrolCode(r.text)
			var ce *CodeError
			if !errors.As(err, &ce) || !errors.Is(err, r.err) || ce.Part != r.part {
				t.Errorf("got %v, want part %d: %v", err, r.part, r.err)
			}
		})
	}
}

// Every single wrong letter and every exchange of neighbours within a part is
// seen, and the part named is the right one.
func TestEnrolCodeEveryTypo(t *testing.T) {
	letters := strings.ReplaceAll(sampleCode().String(), "-", "")
	check := func(what string, at int, typed []byte) {
		t.Helper()
		_, err := ParseEnrolCode(string(typed))
		var ce *CodeError
		if !errors.As(err, &ce) || ce.Part != at/10+1 || !errors.Is(err, ErrCodeMistyped) {
			t.Errorf("%s at %d: got %v, want part %d mistyped", what, at, err, at/10+1)
		}
	}
	for i := range letters {
		for _, l := range []byte(codeAlphabet) {
			if l != letters[i] {
				typed := []byte(letters)
				typed[i] = l
				check("wrong letter", i, typed)
			}
		}
		if i%10 != 9 && letters[i] != letters[i+1] {
			typed := []byte(letters)
			typed[i], typed[i+1] = typed[i+1], typed[i]
			check("exchanged letters", i, typed)
		}
	}
}

func TestEnrolCodeTooNew(t *testing.T) {
	letters := []byte(strings.ReplaceAll(sampleCode().String(), "-", ""))
	var part [9]byte
	for i := range part {
		part[i] = byte(letterValue(rune(letters[i])))
	}
	part[0] = 2<<1 | part[0]&1 // version 2
	letters[0], letters[9] = codeAlphabet[part[0]], codeAlphabet[checkLetter(0, part)]
	if _, err := ParseEnrolCode(string(letters)); !errors.Is(err, ErrCodeTooNew) {
		t.Errorf("got %v, want %v", err, ErrCodeTooNew)
	}
}

func TestEnrolSheet(t *testing.T) {
	s := &EnrolSheet{
		Code: *sampleCode(), Addresses: []string{"192.0.2.7:8443", "wss://sync.example/ws?x=1&y=2"}, Keys: []byte{1, 2, 250, 255, 0},
		Person: PersonID{1, 2, 3}, PersonName: "زهرا محمدی", PlaceName: "شهرک نمونه", Compartments: []string{"reference", "plain", "persons"},
	}
	text, err := s.Text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseEnrolSheet(" " + text + "\n")
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, %v, want %+v", got, err, s)
	}
	if !IsEnrolSheet(text) || IsEnrolSheet(s.Code.String()) {
		t.Error("a sheet is not told from a typed code")
	}
	want := []ScopeID{ScopeOf(s.Code.Place(), "reference"), ScopeOf(s.Code.Place(), "plain"), ScopeOf(s.Code.Place(), "persons")}
	if got := s.Scopes(); !reflect.DeepEqual(got, want) {
		t.Errorf("scopes %v, want %v", got, want)
	}
	long := *s
	long.PersonName = strings.Repeat("ز", MaxQRText)
	if _, err := long.Text(); !errors.Is(err, ErrCodeMalformed) {
		t.Errorf("too long: got %v, want %v", err, ErrCodeMalformed)
	}
	for name, bad := range map[string]struct {
		text string
		err  error
	}{
		"not ours":         {"https://example.org/", ErrCodeMalformed},
		"newer format":     {strings.Replace(text, "f=1", "f=2", 1), ErrCodeTooNew},
		"no keys":          {strings.Replace(text, "&k=", "&kk=", 1), ErrCodeMalformed},
		"damaged code":     {strings.Replace(text, "c=", "c=ZZ", 1), ErrCodeLength},
		"person not an id": {strings.Replace(text, "&p=", "&p=x", 1), ErrCodeMalformed},
		"bad escape":       {text + "&n=%zz", ErrCodeMalformed},
		"not UTF-8":        {text + "&z=%ff", ErrCodeMalformed},
		"too many":         {text + strings.Repeat("&a=b", 9), ErrCodeMalformed},
	} {
		if _, err := ParseEnrolSheet(bad.text); !errors.Is(err, bad.err) {
			t.Errorf("%s: got %v, want %v", name, err, bad.err)
		}
	}
}

func TestEnrolCodeFits(t *testing.T) {
	c := sampleCode()
	h := Hash{9, 88, 7, 66, 5, 44, 3, 222, 1, 1}
	if !c.Fits(h) {
		t.Error("the right fingerprint does not fit")
	}
	h[7]++
	if c.Fits(h) {
		t.Error("a wrong fingerprint fits")
	}
}

// corpusNotEmpty fails a fuzz target whose committed corpus is gone.
func corpusNotEmpty(f *testing.F) {
	f.Helper()
	files, err := os.ReadDir(filepath.Join("testdata", "fuzz", f.Name()))
	if err != nil || len(files) == 0 {
		f.Fatalf("corpus of %s is empty: %v", f.Name(), err)
	}
}

func FuzzParseEnrolCode(f *testing.F) {
	corpusNotEmpty(f)
	f.Add(sampleCode().String())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseEnrolCode(text)
		if err != nil {
			var ce *CodeError
			if !errors.As(err, &ce) || ce.Part < 0 || ce.Part > CodeParts {
				t.Errorf("error %v does not say where", err)
			}
			return
		}
		if back, err := ParseEnrolCode(c.String()); err != nil || *back != *c {
			t.Errorf("%q reads as %+v, written and read again %+v, %v", text, c, back, err)
		}
	})
}

func FuzzParseEnrolSheet(f *testing.F) {
	corpusNotEmpty(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseEnrolSheet(text)
		if err != nil {
			return
		}
		again, err := s.Text()
		if err != nil {
			return // other escapes may be longer than what was read
		}
		if back, err := ParseEnrolSheet(again); err != nil || back.Code != s.Code || string(back.Keys) != string(s.Keys) {
			t.Errorf("%q: written and read again %+v, %v", text, back, err)
		}
	})
}
