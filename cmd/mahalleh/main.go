// Command mahalleh runs the server of a province and is its operator's tool:
// places, people, grants, devices, conflicts, quarantine, backup and export.
package main

import "os"

func main() { os.Exit(program().Exec()) }
