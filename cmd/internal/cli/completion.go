package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// completionCommand prints the script that teaches a shell the program's
// commands and flags. The scripts are cobra's.
func (a *App) completionCommand() *cobra.Command {
	var c *cobra.Command
	c = a.Command("completion SHELL", "cli.completion", func(_ context.Context, args []string) error {
		root := c.Root()
		var err error
		switch args[0] {
		case "bash":
			err = root.GenBashCompletionV2(a.out, true)
		case "zsh":
			err = root.GenZshCompletion(a.out)
		case "fish":
			err = root.GenFishCompletion(a.out, true)
		case "powershell":
			err = root.GenPowerShellCompletionWithDesc(a.out)
		default:
			return usageAt(c, "cli.usage.unknown_shell", Args{"name": args[0]})
		}
		if err != nil {
			return fmt.Errorf("write completion script: %w", err)
		}
		return nil
	})
	c.ValidArgs = []string{"bash", "zsh", "fish", "powershell"}
	return c
}
