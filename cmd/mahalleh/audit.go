package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
	"mahalleh/server/access"
	"mahalleh/server/store"
	"mahalleh/syncproto"
)

// auditItem is one administrative act as commands print it. Salt, digest and
// chain let anybody compute the chain themselves; docs/operate.md says how.
type auditItem struct {
	Scope string `json:"scope,omitempty"`
	scopeName
	Number  int    `json:"n"`
	At      string `json:"at"`
	AtMS    int64  `json:"at_ms"`
	By      author `json:"by"`
	Act     string `json:"act"`
	Subject string `json:"subject"`
	// SubjectName is whom or whose device the act is about, if it is known.
	SubjectName string `json:"subject_name,omitempty"`
	Note        string `json:"note"`
	Salt        string `json:"salt"`
	Digest      string `json:"digest"`
	Chain       string `json:"chain"`
}

type auditList struct {
	Scope string `json:"scope"`
}

// actAuditList lists the acts of the whole server, or those of the scopes of a
// place.
func actAuditList(ctx context.Context, d *desk, q auditList, out tell) error {
	var items []auditItem
	err := d.view(ctx, func(r store.Reader) error {
		items = nil
		n, err := d.names(r)
		if err != nil {
			return err
		}
		scopes := []syncproto.ScopeID{{}}
		if q.Scope != "" {
			if scopes, err = scopesAt(r, q.Scope); err != nil {
				return err
			}
		}
		for _, scope := range scopes {
			acts, err := r.Audits(scope)
			if err != nil {
				return err
			}
			var chain syncproto.Hash
			for i := range acts {
				item, err := n.actOf(&acts[i], i+1)
				if err != nil {
					return err
				}
				digest := acts[i].Digest()
				chain = syncproto.ActsNext(chain, digest)
				item.Digest, item.Chain = digest.String(), chain.String()
				items = append(items, item)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := out.item(item); err != nil {
			return err
		}
	}
	return nil
}

func (n *names) actOf(e *store.AuditEntry, number int) (auditItem, error) {
	by, err := n.author(e.By)
	item := auditItem{scopeName: n.scopes[e.Scope], Number: number, At: stamp(e.At), AtMS: e.At, By: by, Act: e.Act, Subject: e.Subject, Note: e.Note, Salt: hex.EncodeToString(e.Salt[:])}
	if !e.Scope.IsZero() {
		item.Scope = e.Scope.String()
	}
	if id, wrong := syncproto.ParseID(e.Subject); err == nil && wrong == nil {
		item.SubjectName, err = n.subject(id)
	}
	return item, err
}

// subject names a person, or the person of a device, by an id; "" for others.
func (n *names) subject(id [16]byte) (string, error) {
	who, err := n.author(syncproto.PersonID(id))
	if err != nil || who.Name != "" {
		return who.Name, err
	}
	dev, err := n.r.Device(syncproto.DeviceID(id))
	if err != nil {
		return "", nil // of something else
	}
	who, err = n.author(dev.Person)
	return who.Name, err
}

// heldItem is a checkpoint as commands print and read it, here and on devices.
type heldItem struct {
	Scope string `json:"scope"`
	scopeName
	Count uint64 `json:"count"`
	Head  string `json:"head"`
	// Broken is when a device found that the server's list did not go on from it.
	Broken string `json:"broken,omitempty"`
	// Found is what verify found: "" for as it should be, or the member of
	// mahalleh_data.audit_found that says what is wrong.
	Found string `json:"found,omitempty"`
}

// What verify can find.
const (
	foundRewritten = "rewritten" // another act stands where one was
	foundShorter   = "shorter"   // acts are missing at the end
	foundChain     = "chain"     // the list does not follow from itself
)

type auditVerify struct {
	// Held are checkpoints that somebody holds elsewhere.
	Held []heldItem `json:"held"`
}

// actAuditVerify computes the chains of all scopes anew and holds them against
// what is stored, and against the checkpoints that it was given.
func actAuditVerify(ctx context.Context, d *desk, q auditVerify, out tell) error {
	var items []heldItem
	err := d.view(ctx, func(r store.Reader) error {
		items = nil
		n, err := d.names(r)
		if err != nil {
			return err
		}
		scopes := map[syncproto.ScopeID]bool{{}: true}
		for scope := range n.scopes {
			scopes[scope] = true
		}
		given := map[syncproto.ScopeID][]heldItem{}
		for _, h := range q.Held {
			id, err := syncproto.ParseID(h.Scope)
			if err != nil {
				return err
			}
			scopes[syncproto.ScopeID(id)] = true
			given[id] = append(given[id], h)
		}
		for scope := range scopes {
			found, err := verifyActs(r, scope, given[scope])
			if err != nil {
				return err
			}
			for _, item := range found {
				item.scopeName = n.scopes[scope]
				items = append(items, item)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	sortHeld(items)
	for _, item := range items {
		if err := out.item(item); err != nil {
			return err
		}
	}
	return nil
}

// verifyActs computes the chain of one scope: its own checkpoint comes first,
// if it has acts, then those that were given.
func verifyActs(r store.Reader, scope syncproto.ScopeID, given []heldItem) ([]heldItem, error) {
	links, err := r.AuditLinks(scope, 0, -1)
	if err != nil {
		return nil, err
	}
	heads := make([]syncproto.Hash, len(links)+1)
	for i, link := range links {
		heads[i+1] = syncproto.ActsNext(heads[i], link)
	}
	var items []heldItem
	if len(links) > 0 {
		own, err := r.AuditAt(scope, uint64(len(links)))
		if err != nil {
			return nil, err
		}
		item := heldItem{Scope: scope.String(), Count: own.Count, Head: own.Head.String()}
		if own.Head != heads[len(links)] {
			item.Found = foundChain
			if item.Count, err = firstFault(r, scope, heads); err != nil {
				return nil, err
			}
		}
		items = append(items, item)
	}
	for _, h := range given {
		h.Found = ""
		switch {
		case h.Count >= uint64(len(heads)):
			h.Found = foundShorter
		case heads[h.Count].String() != h.Head:
			h.Found = foundRewritten
		}
		items = append(items, h)
	}
	return items, nil
}

// firstFault is the number of the first act that does not follow.
func firstFault(r store.Reader, scope syncproto.ScopeID, heads []syncproto.Hash) (uint64, error) {
	for i := 1; i < len(heads); i++ {
		at, err := r.AuditAt(scope, uint64(i))
		if err != nil {
			return 0, err
		}
		if at.Head != heads[i] {
			return uint64(i), nil
		}
	}
	return uint64(len(heads) - 1), nil
}

func auditCommand(a *cli.App) *cobra.Command {
	var list auditList
	listing := a.Command("list", "mahalleh_data.audit_list", func(ctx context.Context, _ []string) error {
		table := a.Table("mahalleh.column.number", "mahalleh.column.when", "mahalleh.column.act", "mahalleh.column.about", "mahalleh.column.reason", "mahalleh.column.by")
		err := ask(ctx, a, "audit.list", list, func(i auditItem) error {
			if a.JSON() {
				return a.PrintJSON(i)
			}
			about := i.SubjectName
			if about == "" {
				about = i.Subject
			}
			by := i.By.Name
			if i.By.ID == "" {
				by = a.T("mahalleh_data.audit.operator")
			}
			table.Row(fmt.Sprint(i.Number), minute(a, i.At), a.Member("mahalleh_data.act", strings.ReplaceAll(i.Act, " ", "_")), about, i.Note, by)
			return nil
		})
		if err != nil || a.JSON() {
			return err
		}
		return table.Write()
	})
	listing.Flags().StringVar(&list.Scope, "scope", "", a.T("mahalleh.flag.scope"))
	verifying := a.Command("verify [FILE]", "mahalleh_data.audit_verify", func(ctx context.Context, args []string) error {
		q := auditVerify{Held: []heldItem{}}
		if len(args) > 0 {
			var err error
			if q.Held, err = readHeld(args[0]); err != nil {
				return err
			}
		}
		return verifyAudit(ctx, a, q)
	})
	return a.Group("audit", "mahalleh_data.audit_group", listing, verifying)
}

func verifyAudit(ctx context.Context, a *cli.App, q auditVerify) error {
	wrong := 0
	table := a.Table("mahalleh.column.place", "mahalleh.column.number", "mahalleh.column.fault")
	err := ask(ctx, a, "audit.verify", q, func(i heldItem) error {
		if i.Found != "" {
			wrong++
			table.Row(placeText(i.Place, i.PlaceName)+" "+i.Compartment, fmt.Sprint(i.Count), a.Member("mahalleh_data.audit_found", i.Found))
		}
		if a.JSON() {
			return a.PrintJSON(i)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if wrong > 0 {
		if !a.JSON() {
			if err := table.Write(); err != nil {
				return err
			}
		}
		return &cli.Error{Code: cli.DataInvalid, Key: "mahalleh_data.audit.wrong", Args: cli.Args{"n": wrong}, Hint: "mahalleh_data.audit.wrong_hint"}
	}
	if a.JSON() {
		return nil
	}
	return a.Say("mahalleh_data.audit.sound", cli.Args{"held": len(q.Held)})
}

// maxHeld bounds a file of checkpoints: those of a thousand devices.
const maxHeld = 64 << 20

// readHeld reads checkpoints, one JSON object a line, as this command and those
// of devices print them.
func readHeld(path string) ([]heldItem, error) {
	bad := func(err error) error {
		return &cli.Error{Code: cli.Usage, Key: "mahalleh_data.audit.bad_file", Args: cli.Args{"file": path}, Hint: "mahalleh_data.audit.bad_file_hint", Cause: err}
	}
	raw, err := readAll(path)
	if err != nil {
		return nil, bad(err)
	}
	held := []heldItem{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var h heldItem
		if err := json.Unmarshal(line, &h); err != nil {
			return nil, bad(err)
		}
		if _, err := syncproto.ParseID(h.Scope); err != nil || len(h.Head) != 2*len(syncproto.Hash{}) {
			return nil, bad(fmt.Errorf("%q is no checkpoint", line))
		}
		held = append(held, h)
	}
	// Nobody may take for verified what stands behind a line that is too long.
	if err := lines.Err(); err != nil {
		return nil, bad(err)
	}
	return held, nil
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxHeld+1))
	if err == nil && len(raw) > maxHeld {
		err = fmt.Errorf("more than %d bytes", maxHeld)
	}
	return raw, err
}

// concerns are the scopes which an act about a place, or about one of its
// compartments, concerns: the country's if none is named.
func concerns(r store.Reader, asked string) ([]syncproto.ScopeID, error) {
	place, compartment, one := strings.Cut(asked, "/")
	if place == "" {
		place = "1"
	}
	at, err := access.FindPlace(r, place)
	if err != nil {
		return nil, err
	}
	var scopes []syncproto.ScopeID
	for _, c := range access.Compartments {
		if !one || c == compartment {
			scopes = append(scopes, syncproto.ScopeOf(at.ID, c))
		}
	}
	return scopes, nil
}

// sortHeld puts the server's own first, then scopes by place and compartment.
func sortHeld(items []heldItem) {
	slices.SortStableFunc(items, func(x, y heldItem) int {
		return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Compartment, y.Compartment), cmp.Compare(x.Scope, y.Scope))
	})
}
