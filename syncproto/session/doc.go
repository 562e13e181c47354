// Package session is the conversation between a device and the server as two
// pure state machines and a secure channel: events in, messages and effects
// out, with no goroutine, clock, random source or I/O of its own.
//
// PROTOCOL.md beside this file is the protocol. In short: a Link turns bytes
// of the socket into messages and back (Noise IK, frames); a Device or a
// Server takes events through Step, which returns effects, and hands out the
// next message to send through Next. A driver owns the socket, the store and
// the timer:
//
//   - Step and Next are called from one goroutine at a time, with the time in
//     Unix milliseconds; time may stand still but machines only use differences,
//     so a clock that is wrong does no harm.
//   - Next is called when the socket can take a message, until it returns nil,
//     and again after every Step.
//   - Effects are carried out in the order they are given. An effect that is
//     documented with an answer gets exactly that event back, or Failed;
//     effects of one type are answered in their order.
//   - Deadline says when to call Step with Tick at the latest.
package session
