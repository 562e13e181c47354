package wire

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"mahalleh/syncproto"
)

// The worked example of the document is the first vector, and its message
// table knows every message.
func TestFormatDocument(t *testing.T) {
	doc, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	h := exampleHeader()
	cert, _, _ := exampleCert()
	h.OriginLog, h.OriginSeq = cert.Log, 1
	ch, err := NewChange(h, seq16(0xe0), exampleOps())
	if err != nil {
		t.Fatal(err)
	}
	start := syncproto.ChainStart(h.OriginLog)
	for _, want := range []string{ch.ID.String(), start.String(), syncproto.ChainNext(start, ch.HeaderBytes).String(),
		fmt.Sprintf("header (%d bytes)", len(ch.HeaderBytes)), fmt.Sprintf("operations (%d bytes)", len(ch.OpsBytes))} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("FORMAT.md lacks %q", want)
		}
	}
	// The hexadecimal at the start of the example's lines is the header and the
	// operations, in order.
	example := string(doc)[strings.Index(string(doc), "header (168"):]
	lead := regexp.MustCompile(`(?m)^([0-9a-f ]+?)(   .*)?$`)
	var all strings.Builder
	for _, m := range lead.FindAllStringSubmatch(example[:strings.Index(example, "secret ")], -1) {
		all.WriteString(strings.ReplaceAll(m[1], " ", ""))
	}
	if got, want := all.String(), hex.EncodeToString(ch.HeaderBytes)+hex.EncodeToString(ch.OpsBytes); got != want {
		t.Errorf("example: got %s, want %s", got, want)
	}
	// The batch is drawn in the same way, but for what is cut short with a dot.
	example = string(doc)[strings.Index(string(doc), "batch (355"):]
	example = example[:strings.Index(example, "numbers:")]
	var vectors []vector
	b, err := os.ReadFile("testdata/batches.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, m := range regexp.MustCompile(`(?m)^ *((?:(?:[0-9a-f]{2})+ ?)+)(?:…[0-9a-f]+ *|  .*)?$`).FindAllStringSubmatch(example, -1) {
		part := strings.ReplaceAll(m[1], " ", "")
		i := strings.Index(vectors[0].Hex[at:], part)
		if i < 0 {
			t.Errorf("the example's batch: %q does not follow byte %d of the vector", part, at/2)
			break
		}
		at += i + len(part)
	}
	if at < len(vectors[0].Hex)-128 {
		t.Errorf("the example's batch ends at byte %d of %d", at/2, len(vectors[0].Hex)/2)
	}
	for _, typ := range allTypes() {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^\| ([0-9]+, )?%d[ ,]`, typ)).Match(doc) {
			t.Errorf("FORMAT.md lacks message type %d", typ)
		}
	}
}
