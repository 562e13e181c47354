package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mahalleh/schemas/texts"
)

// Run is the work of a command. args are the positional arguments.
type Run func(ctx context.Context, args []string) error

// Command makes a command. use is its name and its positional arguments:
// "show ID" takes one, "list [FORM]" at most one, "find TEXT..." at least one,
// "erase [ID...]" any number. Flags are added to the result with explanations
// from the catalogue: c.Flags().Bool("watch", false, app.T("sync.flag.watch")).
func (a *App) Command(use string, help Help, run Run) *cobra.Command {
	c := a.bare(use, help)
	c.Args = positional(use)
	c.RunE = func(c *cobra.Command, args []string) error {
		a.ran = true
		return run(c.Context(), args)
	}
	return c
}

// Group makes a command that only holds others, such as "device" with "list"
// and "revoke"; alone it prints its help.
func (a *App) Group(use string, help Help, commands ...*cobra.Command) *cobra.Command {
	c := a.bare(use, help)
	c.Args = unknownCommand
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(commands...)
	return c
}

func (a *App) bare(use string, help Help) *cobra.Command {
	c := &cobra.Command{
		Use:                   use,
		Short:                 a.T(Key(string(help) + ".short")),
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
	}
	if key := Key(string(help) + ".short"); !a.catalogue.Has(key) {
		a.problems = append(a.problems, fmt.Sprintf("command %q: text %s is missing in %s", use, key, a.Lang()))
	}
	if key := Key(string(help) + ".long"); a.catalogue.Has(key) {
		c.Long = a.T(key)
	}
	if key := Key(string(help) + ".example"); a.catalogue.Has(key) {
		c.Example = texts.DropDirectionControls(a.T(key)) // lines to copy
	}
	return c
}

// root builds the whole tree in the language that is set.
func (a *App) root() *cobra.Command {
	a.settings = map[string]bool{}
	root := a.Group(a.program.Name, a.program.Help)
	root.SetOut(a.out)
	root.SetErr(a.screen)
	root.SetIn(a.in)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(a.printHelp)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return a.resolve(c) }
	a.addCommonFlags(root.PersistentFlags())
	if a.program.Commands != nil {
		root.AddCommand(a.program.Commands(a)...)
	}
	root.AddCommand(a.versionCommand(), a.completionCommand())
	help := a.helpCommand(root)
	root.SetHelpCommand(help)
	return root
}

// positional reads the arguments out of a use line.
func positional(use string) cobra.PositionalArgs {
	fields := strings.Fields(use)[1:]
	least, most := 0, len(fields)
	for _, field := range fields {
		if !strings.HasPrefix(field, "[") {
			least++
		}
		if strings.Contains(field, "...") {
			most = -1
		}
	}
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usageAt(c, "cli.usage.missing_argument", Args{"argument": strings.Trim(fields[len(args)], "[].")})
		case most >= 0 && len(args) > most:
			return usageAt(c, "cli.usage.extra_argument", Args{"argument": args[most]})
		}
		return nil
	}
}

// longFlags lets "-seeds 10" stand for "--seeds 10", as people who know the go
// command type it: a single dash before the full name of a long flag is
// doubled. Everything after a bare "--" is left alone.
func longFlags(root *cobra.Command, args []string) []string {
	long := map[string]bool{}
	var collect func(c *cobra.Command)
	collect = func(c *cobra.Command) {
		add := func(f *pflag.Flag) { long[f.Name] = true }
		c.Flags().VisitAll(add)
		c.PersistentFlags().VisitAll(add)
		for _, sub := range c.Commands() {
			collect(sub)
		}
	}
	collect(root)
	rewritten := append([]string{}, args...)
	for i, arg := range rewritten {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && len(name) > 1 && long[name] {
			rewritten[i] = "-" + arg
		}
	}
	return rewritten
}

// checkCommand collects the mistakes in the construction of a command tree.
func checkCommand(a *App, c *cobra.Command, problems *[]string) {
	report := func(format string, args ...any) {
		*problems = append(*problems, c.CommandPath()+": "+fmt.Sprintf(format, args...))
	}
	if c.HasParent() && (c.PersistentPreRun != nil || c.PersistentPreRunE != nil) {
		report("PersistentPreRun hides the one that resolves the settings")
	}
	if c.Args == nil {
		report("is not made by App.Command or App.Group")
	}
	if strings.Contains(c.Example, " =") {
		report("the example %q has an argument that begins with =, which zsh takes for the name of a program", c.Example)
	}
	if strings.IndexFunc(c.Example, texts.IsDirectionControl) >= 0 {
		report("the example %q holds direction controls, which a shell would take for part of the command", c.Example)
	}
	if a.Lang() == Persian && !texts.HasRightToLeft(c.Short) {
		report("the help text %q is not from the catalogue", c.Short)
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			report("flag --%s has no explanation", f.Name)
		}
		if a.Lang() == Persian && !texts.HasRightToLeft(f.Usage) {
			report("flag --%s: the explanation %q is not from the catalogue", f.Name, f.Usage)
		}
	})
	for _, sub := range c.Commands() {
		checkCommand(a, sub, problems)
	}
}
