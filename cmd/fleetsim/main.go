// Command fleetsim plays fleets of devices against a server and measures what
// the project promises in numbers.
package main

import "os"

func main() { os.Exit(program().Exec()) }
