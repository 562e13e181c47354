// Package planted switches on faults that are planted in the code to prove that
// the simulator's checks bite; without the build tag "planted" every switch is a
// constant false and no trace of a fault is in the program.
package planted
