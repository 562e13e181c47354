// Package floorplan holds the tests that keep the house in order: which
// package may import which, what the ground may not touch, what lies in the
// tree.
//
// It has no code to import. rules_test.go is the plan in the form of a table;
// every entry says in words why the arrow it forbids is forbidden.
package floorplan
