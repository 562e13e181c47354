// Package readme holds both READMEs to the programs and to one another: what
// they tell people to type exists, and they tell the same.
package readme
