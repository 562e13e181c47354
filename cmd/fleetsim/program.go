package main

import (
	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

func program() cli.Program {
	return cli.Program{
		Name: "fleetsim", EnvPrefix: "MAHALLEH_FLEETSIM_", Help: "fleetsim.program",
		Commands: func(a *cli.App) []*cobra.Command {
			return []*cobra.Command{simCommand(a), figuresCommand(a), childCommand(a)}
		},
	}
}
