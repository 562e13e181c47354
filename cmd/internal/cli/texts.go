package cli

import "mahalleh/schemas/texts"

// The words of the catalogues, which commands and screens share.
type (
	// Lang is a language that the programs speak.
	Lang = texts.Lang
	// Key names a text in the catalogues.
	Key = texts.Key
	// Family names a group of texts that is indexed by something the program
	// computes.
	Family = texts.Family
	// Args are the named arguments of a text.
	Args = texts.Args
	// Bytes is a number of bytes, shown with a unit that fits.
	Bytes = texts.Bytes
	// Catalogue holds all texts of one language.
	Catalogue = texts.Catalogue
)

// The languages of the programs.
const (
	English = texts.English
	Persian = texts.Persian
)

// Help names the help texts of one command: Help("sync") stands for the keys
// sync.short (one line, required), sync.long and sync.example (if they exist).
type Help string
