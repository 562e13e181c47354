// Command mahalleh-field is a facilitator's tool: it records a neighbourhood's
// dossier without a network and carries it to the server when there is one.
package main

import "os"

func main() { os.Exit(program().Exec()) }
