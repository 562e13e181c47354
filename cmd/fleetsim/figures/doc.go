// Package figures measures what the project promises in numbers: each figure
// has a name, a stated size, goals, and a way to be measured.
package figures
