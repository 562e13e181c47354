package wire

import (
	"encoding/hex"
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
	h.OriginSeq = 1
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
	for _, typ := range allTypes() {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^\| ([0-9]+, )?%d[ ,]`, typ)).Match(doc) {
			t.Errorf("FORMAT.md lacks message type %d", typ)
		}
	}
}
