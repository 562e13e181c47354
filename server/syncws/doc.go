// Package syncws is the websocket end of the server: it upgrades connections,
// admits as many as the server can serve, and joins each to a session and the
// hub.
//
// Conversation is one session without goroutine, timer or socket, for the
// simulator too; Handler runs many of them. A session costs some kilobytes
// while it rests: its goroutines are fresh ones with small stacks, and write
// buffers are shared. What a device does not read is not stored up for it: it
// is read from the store once the device has taken what came before.
package syncws
