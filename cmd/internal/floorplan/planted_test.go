package floorplan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlanted builds small houses with one fault each and wants every fault
// found, for the right reason.
func TestPlanted(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string // "" when the house is in order
	}{
		{"in order", map[string]string{
			"schemas/a.go":                   `package schemas`,
			"syncproto/a.go":                 `package syncproto`,
			"syncproto/wire/a.go":            `package wire; import _ "mahalleh/syncproto"`,
			"syncproto/session/a.go":         `package session; import (_ "mahalleh/syncproto/wire"; _ "github.com/flynn/noise")`,
			"syncproto/merge/a.go":           `package merge; import (_ "mahalleh/syncproto"; _ "mahalleh/schemas")`,
			"syncproto/merge/a_test.go":      `package merge; import (_ "os"; _ "testing"; _ "mahalleh/syncproto/prototest")`,
			"syncproto/prototest/a.go":       `package prototest; import (_ "testing"; _ "mahalleh/syncproto/merge")`,
			"client-sdk/a.go":                `package clientsdk; import _ "mahalleh/syncproto/session"`,
			"client-sdk/localstore/a.go":     `package localstore; import (_ "database/sql"; _ "modernc.org/sqlite")`,
			"client-sdk/wsdial/a.go":         `package wsdial; import _ "github.com/gorilla/websocket"`,
			"server/a.go":                    `package server; import _ "mahalleh/server/store"`,
			"server/store/a.go":              `package store; import _ "mahalleh/syncproto"`,
			"server/store/storetest/a.go":    `package storetest; import (_ "testing"; _ "mahalleh/server/store")`,
			"server/sqlitestore/a.go":        `package sqlitestore; import _ "mahalleh/server/store"`,
			"server/sqlitestore/a_test.go":   `package sqlitestore; import _ "mahalleh/server/store/storetest"`,
			"server/hub/a_test.go":           `package hub; import _ "mahalleh/server/sqlitestore"`,
			"cmd/internal/sim/a.go":          `package sim; import (_ "mahalleh/client-sdk"; _ "mahalleh/server"; _ "mahalleh/syncproto/prototest")`,
			"cmd/internal/cli/a.go":          `package cli; import (_ "os"; _ "github.com/spf13/cobra")`,
			"cmd/mahalleh/main.go":           `package main; import (_ "mahalleh/client-sdk"; _ "mahalleh/server/sqlitestore"); func main() {}`,
			"cmd/mahalleh-field/main.go":     `package main; import _ "mahalleh/client-sdk"; func main() {}`,
			"cmd/mahalleh-field/all_test.go": `package main; import (_ "mahalleh/server"; _ "github.com/rogpeppe/go-internal/testscript")`,
			"cmd/fleetsim/main.go":           `package main; import _ "mahalleh/cmd/internal/sim"; func main() {}`,
		}, ""},
		{"client imports server", map[string]string{"client-sdk/x/a.go": `package x; import _ "mahalleh/server/hub"`, "server/hub/a.go": `package hub`},
			"the client does not know the server: client-sdk/x imports server/hub: client and server meet only"},
		{"client test imports server", map[string]string{"client-sdk/a_test.go": `package clientsdk_test; import _ "mahalleh/server"`, "client-sdk/a.go": `package clientsdk`, "server/a.go": `package server`},
			"client-sdk imports in its tests server"},
		{"server imports client", map[string]string{"server/a.go": `package server; import _ "mahalleh/client-sdk"`, "client-sdk/a.go": `package clientsdk`},
			"the server does not know the client: server imports client-sdk"},
		{"on another platform only", map[string]string{"server/a_plan9.go": `package server; import _ "mahalleh/client-sdk"`, "server/a.go": `package server`, "client-sdk/a.go": `package clientsdk`},
			"server imports client-sdk"},
		{"behind a build tag", map[string]string{"server/b.go": "//go:build planted\n\npackage server; import _ \"mahalleh/client-sdk\"", "server/a.go": `package server`, "client-sdk/a.go": `package clientsdk`},
			"server imports client-sdk"},
		{"schemas imports syncproto", map[string]string{"schemas/forms/a.go": `package forms; import _ "mahalleh/syncproto"`, "syncproto/a.go": `package syncproto`},
			"schemas stands lowest: schemas/forms imports syncproto"},
		{"session looks at schemas", map[string]string{"syncproto/session/a.go": `package session; import _ "mahalleh/schemas/expr"`, "schemas/expr/a.go": `package expr`},
			"only merge and prototest see forms: syncproto/session imports schemas/expr"},
		{"syncproto imports the server", map[string]string{"syncproto/wire/a.go": `package wire; import _ "mahalleh/server"`, "server/a.go": `package server`},
			"syncproto is below both ends"},
		{"the library imports a command", map[string]string{"server/a.go": `package server; import _ "mahalleh/cmd/internal/cli"`, "cmd/internal/cli/a.go": `package cli`},
			"server imports cmd/internal/cli"},
		{"root imports wire", map[string]string{"syncproto/a.go": `package syncproto; import _ "mahalleh/syncproto/wire"`, "syncproto/wire/a.go": `package wire`},
			"the vocabulary stands alone"},
		{"wire imports merge", map[string]string{"syncproto/wire/a.go": `package wire; import _ "mahalleh/syncproto/merge"`, "syncproto/merge/a.go": `package merge`},
			"wire only writes and reads"},
		{"session imports merge", map[string]string{"syncproto/session/a.go": `package session; import _ "mahalleh/syncproto/merge"`, "syncproto/merge/a.go": `package merge`},
			"session does not judge"},
		{"merge imports session", map[string]string{"syncproto/merge/a.go": `package merge; import _ "mahalleh/syncproto/session"`, "syncproto/session/a.go": `package session`},
			"merge does not converse"},
		{"prototest is shipped", map[string]string{"server/a.go": `package server; import _ "mahalleh/syncproto/prototest"`, "syncproto/prototest/a.go": `package prototest`},
			"test material is not shipped"},
		{"contract uses a backend", map[string]string{"server/store/a.go": `package store; import _ "mahalleh/server/sqlitestore"`, "server/sqlitestore/a.go": `package sqlitestore`},
			"the store's contract promises"},
		{"server chooses a database", map[string]string{"server/hub/a.go": `package hub; import _ "mahalleh/server/sqlitestore"`, "server/sqlitestore/a.go": `package sqlitestore`},
			"the server chooses no database"},
		{"wire opens files", map[string]string{"syncproto/wire/a.go": `package wire; import _ "os"`},
			"the ground does not touch the world: syncproto/wire imports os"},
		{"session dials", map[string]string{"syncproto/session/a.go": `package session; import _ "net"`}, "syncproto/session imports net"},
		{"merge serves", map[string]string{"syncproto/merge/a.go": `package merge; import _ "net/http"`}, "syncproto/merge imports net/http"},
		{"merge queries", map[string]string{"syncproto/merge/a.go": `package merge; import _ "database/sql"`}, "syncproto/merge imports database/sql"},
		{"schemas rolls dice", map[string]string{"schemas/a.go": `package schemas; import _ "math/rand/v2"`}, "schemas imports math/rand/v2"},
		{"a command opens the database", map[string]string{"cmd/mahalleh/main.go": `package main; import _ "modernc.org/sqlite"; func main() {}`}, "databases have their rooms"},
		{"the hub opens a socket", map[string]string{"server/hub/a.go": `package hub; import _ "github.com/gorilla/websocket"`}, "sockets have their rooms"},
		{"the server shakes hands", map[string]string{"server/a.go": `package server; import _ "github.com/flynn/noise"`}, "the seal has its room"},
		{"the client reads flags", map[string]string{"client-sdk/a.go": `package clientsdk; import _ "github.com/spf13/cobra"`}, "the terminal is for commands"},
		{"scripts are shipped", map[string]string{"cmd/mahalleh/main.go": `package main; import _ "github.com/rogpeppe/go-internal/testscript"; func main() {}`}, "script tests are tests"},
		{"the kit knows the server", map[string]string{"cmd/internal/cli/a.go": `package cli; import _ "mahalleh/server"`, "server/a.go": `package server`}, "the kit is only a kit"},
		{"the field program carries the server", map[string]string{
			"cmd/mahalleh-field/main.go": `package main; import _ "mahalleh/cmd/internal/sim"; func main() {}`,
			"cmd/internal/sim/a.go":      `package sim; import _ "mahalleh/server"`, "server/a.go": `package server`,
		}, "the field program carries no server: cmd/mahalleh-field → cmd/internal/sim → server"},
		{"testing in shipped code", map[string]string{"server/hub/a.go": `package hub; import _ "testing"`}, "server/hub imports testing: only suites"},
		{"testing reached", map[string]string{
			"cmd/mahalleh/main.go": `package main; import _ "mahalleh/cmd/internal/x/xtest"; func main() {}`, "cmd/internal/x/xtest/a.go": `package xtest; import _ "testing"`,
		}, "programs carry no testing: cmd/mahalleh → cmd/internal/x/xtest → testing"},
		{"the ground reads the clock", map[string]string{"syncproto/session/a.go": "package session\nimport clock \"time\"\nvar f = clock.Now"},
			"syncproto/session/a.go:3: clock.Now asks the machine"},
		{"the ground makes ids", map[string]string{"schemas/a.go": "package schemas\nimport \"github.com/google/uuid\"\nvar id = uuid.New()"}, "uuid.New asks the machine"},
		{"the ground starts a goroutine", map[string]string{"syncproto/session/a.go": "package session\nfunc f() { go f() }"}, "a goroutine in the ground"},
		{"init", map[string]string{"server/a.go": "package server\nfunc init() {}"}, "init runs unasked"},
		{"a candidate is made", map[string]string{
			"syncproto/a.go": `package syncproto; type Candidate struct{}`,
			"server/a.go":    "package server\nimport \"mahalleh/syncproto\"\nvar c = []syncproto.Candidate{{}}",
		}, "server/a.go:3: makes a candidate of a cell"},
		{"candidates are set", map[string]string{
			"syncproto/a.go":  `package syncproto; type Cell struct{ Candidates []int }`,
			"client-sdk/a.go": "package clientsdk\nimport \"mahalleh/syncproto\"\nfunc f(c *syncproto.Cell) {\n\tc.Candidates = nil\n}",
		}, "client-sdk/a.go:4: sets the candidates of a cell"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.files["go.mod"] = "module mahalleh\n\ngo 1.26\n"
			for name, text := range test.files {
				file := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			packages := list(t, dir)
			got := strings.Join(append(forbidden(packages), checkSource(t, packages)...), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("found:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}
