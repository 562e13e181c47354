package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"mahalleh/cmd/internal/cli"
)

// protocol is what the device speaks with the server, for version.
const protocol = "mahalleh-sync.v1"

func program() cli.Program {
	return cli.Program{
		Name: "mahalleh-field", EnvPrefix: "MAHALLEH_FIELD_", Help: "field.program", Protocol: protocol,
		Commands: commands,
	}
}

func commands(a *cli.App) []*cobra.Command {
	return []*cobra.Command{
		enrolCommand(a),
		formsCommand(a),
		newCommand(a),
		editCommand(a),
		draftsCommand(a),
		showCommand(a),
		historyCommand(a),
		listCommand(a),
		findCommand(a),
		conflictsCommand(a),
		settleCommand(a),
		deleteCommand(a),
		restoreCommand(a),
		transitionCommand(a),
		serveCommand(a),
		syncCommand(a),
		statusCommand(a),
		snapshotCommand(a),
		auditCommand(a),
		exportCommand(a),
		fsckCommand(a),
	}
}

// command is App.Command whose errors are told in the chosen language.
func command(a *cli.App, use string, help cli.Help, run cli.Run) *cobra.Command {
	return a.Command(use, help, func(ctx context.Context, args []string) error { return told(a, run(ctx, args)) })
}

// deviceCommand is a command that works on the unlocked device.
func deviceCommand(a *cli.App, use string, help cli.Help, run func(ctx context.Context, d *device, args []string) error) *cobra.Command {
	var s secret
	c := command(a, use, help, func(ctx context.Context, args []string) error {
		d, err := openDevice(ctx, a, s.ask(a))
		if err != nil {
			return err
		}
		return errors.Join(run(ctx, d, args), d.Close())
	})
	s.flags(a, c)
	return c
}

// completeForms lets a shell complete the first argument by names of forms.
func completeForms(c *cobra.Command) *cobra.Command {
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return formNames(), cobra.ShellCompDirectiveNoFileComp
	}
	return c
}
