// Package clientsdk is the SDK of a field device: it records forms offline,
// keeps them sealed, finds and lists them, carries them to the server when a
// line appears, and says what became of each. A client application is built
// on it alone.
package clientsdk
