package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageAt is a mistake in the command line of c.
func usageAt(c *cobra.Command, key Key, args Args) *Error {
	args = join([]Args{{"command": c.CommandPath()}, args})
	return &Error{Code: Usage, Key: key, Args: args, Hint: "cli.usage.hint"}
}

// UsageError is a mistake in how a command was called that only its own code
// can see, such as two flags that exclude each other. Hint may be "": it then
// points to the help.
func (a *App) UsageError(key Key, args Args, hint Key) error {
	if hint == "" {
		hint = "cli.usage.hint"
		args = join([]Args{{"command": a.program.Name}, args})
	}
	return &Error{Code: Usage, Key: key, Args: args, Hint: hint}
}

// unknownCommand refuses arguments of a command that only holds others.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	similar := c.SuggestionsFor(args[0])
	if len(similar) == 0 {
		return usageAt(c, "cli.usage.unknown_command", Args{"name": args[0]})
	}
	return &Error{
		Code: Usage, Key: "cli.usage.unknown_command",
		Args: Args{"name": args[0], "command": c.CommandPath(), "similar": strings.Join(similar, ", ")},
		Hint: "cli.usage.similar_hint",
	}
}

// flagError says in the chosen language what cobra's flag parser found.
func flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	var e *Error
	switch {
	case errors.As(err, &unknown):
		flag := "--" + unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			flag = "-" + short
		}
		e = usageAt(c, "cli.usage.unknown_flag", Args{"flag": flag})
	case errors.As(err, &missing):
		e = usageAt(c, "cli.usage.flag_needs_value", Args{"flag": "--" + missing.GetFlag().Name})
	case errors.As(err, &invalid):
		e = usageAt(c, "cli.usage.bad_flag_value", Args{"flag": "--" + invalid.GetFlag().Name, "value": invalid.GetValue()})
	case errors.As(err, &syntax):
		e = usageAt(c, "cli.usage.bad_flag", Args{"flag": syntax.GetSpecifiedFlag()})
	default:
		e = usageAt(c, "cli.usage.other", Args{"problem": err.Error()})
	}
	e.Cause = err
	return e
}

// usageError wraps what cobra refused before a command's own code ran.
func usageError(root *cobra.Command, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	e = usageAt(root, "cli.usage.other", Args{"problem": err.Error()})
	e.Cause = err
	return e
}

// requiredFlags refuses a command whose required flags got no value from any
// source. It runs before cobra's own check, which speaks only English.
func requiredFlags(c *cobra.Command) error {
	var first *pflag.Flag
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if first == nil && !f.Changed && len(f.Annotations[cobra.BashCompOneRequiredFlag]) > 0 {
			first = f
		}
	})
	if first == nil {
		return nil
	}
	return usageAt(c, "cli.usage.missing_flag", Args{"flag": "--" + first.Name})
}
