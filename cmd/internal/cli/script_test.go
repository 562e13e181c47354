package cli

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// scriptProgram is a whole program as a process of its own, to prove that
// programs built on the kit can be tested by scripts.
func scriptProgram() Program {
	return Program{
		Name: "kit", EnvPrefix: "KIT_", Help: "cli.version",
		Commands: func(a *App) []*cobra.Command {
			return []*cobra.Command{a.Command("ask NAME", "cli.help_command", func(ctx context.Context, args []string) error {
				answer, err := a.Ask(ctx, args[0], "", "")
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.Stdout(), answer)
				return err
			})}
		},
	}
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kit": func() { os.Exit(scriptProgram().Exec()) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
