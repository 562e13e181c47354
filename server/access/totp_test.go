package access

import (
	"fmt"
	"net/url"
	"testing"
)

// CodeForTest is the code that an authenticator shows at a time.
func CodeForTest(letters string, now int64) string {
	key, err := readFactor(letters)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%06d", codeAt(key, now/factorStep)%codeModulus)
}

// TestCodes holds codes against RFC 6238's vectors for SHA-1, appendix B.
func TestCodes(t *testing.T) {
	for seconds, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471",
		1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		if got := fmt.Sprintf("%08d", codeAt([]byte("12345678901234567890"), seconds*1000/factorStep)%100_000_000); got != want {
			t.Errorf("after %d seconds: %s, want %s", seconds, got, want)
		}
	}
}

func TestStepOfACode(t *testing.T) {
	key := []byte("12345678901234567890")
	const now = 1_111_111_109_000
	step := int64(now / factorStep)
	for back := int64(-2); back <= 2; back++ {
		typed := fmt.Sprintf("%06d", codeAt(key, step+back)%codeModulus)
		got, err := stepOf(key, typed, now, 0)
		if fits := back >= -1 && back <= 1; (err == nil) != fits || fits && got != step+back {
			t.Errorf("the code of step %+d: %d, %v", back, got-step, err)
		}
		if _, err := stepOf(key, typed, now, step+back); err == nil {
			t.Errorf("the code of step %+d was taken twice", back)
		}
	}
	if _, err := stepOf(key, "۰۸۱۸۰۴", now, 0); err != nil {
		t.Errorf("in Persian digits: %v", err)
	}
}

func TestFactorLink(t *testing.T) {
	u, err := url.Parse(FactorLink("ABC", "زهرا & ?x=y/.."))
	if err != nil || u.Scheme != "otpauth" || u.Query().Get("secret") != "ABC" || u.Query().Get("x") != "" {
		t.Errorf("got %v, %v", u, err)
	}
}
