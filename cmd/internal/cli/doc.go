// Package cli is the kit that the three commands share: settings, languages,
// errors with their exit codes, tables, prompts, progress and help.
//
// A command is a [Program] whose Commands function builds cobra commands with
// the [App] it is handed. Everything the command reads or writes of the world
// comes in through [Program.Main], so that a test runs the same code.
//
// Every text that a person reads is named by a [Key] and stands in the
// catalogues of mahalleh/schemas/texts, in both languages.
package cli
