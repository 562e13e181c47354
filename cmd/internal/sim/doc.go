// Package sim plays seeded histories of devices and a server over the real
// stores and holds them to the laws of the design.
package sim
