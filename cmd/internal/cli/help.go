package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"mahalleh/schemas/texts"
)

// printHelp writes the help page of a command to the data stream.
func (a *App) printHelp(c *cobra.Command, _ []string) {
	var b strings.Builder
	text := c.Long
	if text == "" {
		text = c.Short
	}
	b.WriteString(text + "\n")
	a.helpUsage(&b, c)
	if c.Example != "" {
		a.helpTitle(&b, "cli.help.examples")
		for line := range strings.SplitSeq(c.Example, "\n") {
			b.WriteString("  " + line + "\n")
		}
	}
	a.helpCommands(&b, c)
	a.helpFlags(&b, "cli.help.flags", c.LocalNonPersistentFlags())
	common := c.InheritedFlags()
	if !c.HasParent() {
		common = c.PersistentFlags()
	}
	a.helpFlags(&b, "cli.help.common_flags", common)
	if !c.HasParent() {
		a.helpTitle(&b, "cli.help.settings_title")
		b.WriteString("  " + a.T("cli.help.settings", Args{"variable": a.envName("data-dir"), "file": configName}) + "\n")
		a.helpTitle(&b, "cli.help.exit_codes")
		for _, meaning := range codeMeanings() {
			fmt.Fprintf(&b, "  %d  %s\n", meaning.code, a.T(meaning.key))
		}
	}
	// Help that cannot be written has nobody to be reported to.
	_, _ = a.out.Write([]byte(b.String()))
}

func (a *App) helpTitle(b *strings.Builder, key Key) {
	b.WriteString("\n" + a.T(key) + "\n")
}

func (a *App) helpUsage(b *strings.Builder, c *cobra.Command) {
	a.helpTitle(b, "cli.help.usage")
	line := c.UseLine()
	if c.HasAvailableSubCommands() {
		line += " COMMAND"
	}
	b.WriteString("  " + line + " [--flag ...]\n")
}

func (a *App) helpCommands(b *strings.Builder, c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	a.helpTitle(b, "cli.help.commands")
	var rows [][2]string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			rows = append(rows, [2]string{sub.Use, sub.Short})
		}
	}
	writePairs(b, rows)
}

func (a *App) helpFlags(b *strings.Builder, title Key, flags *pflag.FlagSet) {
	var rows [][2]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if value != "" {
			name += " " + strings.ToUpper(texts.DropDirectionControls(value))
		}
		rows = append(rows, [2]string{name, usage + a.flagNote(f)})
	})
	if len(rows) == 0 {
		return
	}
	a.helpTitle(b, title)
	writePairs(b, rows)
}

// flagNote says where else a flag's value may come from and what it is when
// nobody gives it.
func (a *App) flagNote(f *pflag.Flag) string {
	var notes []string
	if a.settings[f.Name] {
		notes = append(notes, a.envName(f.Name))
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
		notes = append(notes, a.T("cli.help.default", Args{"value": f.DefValue}))
	}
	if len(notes) == 0 {
		return ""
	}
	return " (" + strings.Join(notes, "; ") + ")"
}

// writePairs writes names and explanations in two columns.
func writePairs(b *strings.Builder, rows [][2]string) {
	widest := 0
	for _, row := range rows {
		widest = max(widest, displayWidth(row[0]))
	}
	for _, row := range rows {
		b.WriteString("  " + pad(row[0], widest) + "  " + row[1] + "\n")
	}
}

// helpCommand is "help COMMAND".
func (a *App) helpCommand(root *cobra.Command) *cobra.Command {
	c := a.bare("help [COMMAND...]", "cli.help_command")
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(_ *cobra.Command, args []string) error {
		target, rest, err := root.Find(args)
		if err != nil {
			return usageError(root, err)
		}
		if len(rest) > 0 {
			return unknownCommand(target, rest)
		}
		return target.Help()
	}
	return c
}
