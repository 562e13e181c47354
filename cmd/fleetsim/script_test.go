package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mahalleh/cmd/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fleetsim": func() { os.Exit(program().Exec()) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}

func TestProgram(t *testing.T) {
	for _, problem := range cli.Check(program()) {
		t.Error(problem)
	}
}
