// Package syncer drives a device's end of a session: it carries the session's
// effects to a store and its messages over any pipe, connects again when a
// connection ends, and says at last how it went.
//
// Stepper is one connection without goroutine, timer or socket: bytes in,
// bytes out, effects carried out at once; a simulator can cut it between any
// two messages. Syncer is a thin loop over it with a pipe, a timer and a pause
// between connections.
//
// While a connection stands, a deadline stands (Stepper.Deadline): first that
// of the handshake, then the machine's own. So nothing that waits to be sent
// waits for ever on a wake-up that got lost.
package syncer
