// Package syncws is the websocket end of the server: it upgrades connections,
// admits as many as the server can serve, and joins each to a session and the
// hub.
//
// Conversation is one session without goroutine, timer or socket, for the
// simulator too; Handler runs many of them. A session costs some kilobytes
// while it rests: one goroutine with a small stack waits for bytes, what happens is
// worked off by goroutines that end with it, and write buffers are shared. What a
// device does not read is not stored up for it: it is read from the store once the
// device has taken what came before.
//
// Whoever is not known yet holds little: 128 bytes a message before the secure
// channel stands, and a share of some megabytes for all while a key is a
// stranger's. How many may come in a second and wait at once is bounded, for all
// and for each address.
package syncws
