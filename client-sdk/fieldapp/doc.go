// Package fieldapp is the facilitator's screen: the pages that a device shows
// of its own store, over loopback, to the person who holds it. It takes a
// folder and gives a handler; flags, files and the listener belong to the
// program around it, so that a phone's wrapper can use it as well.
//
// A page is a file of handlers and a template of the same name. What a page
// may assume stands in [visit]: who asks is the device's own browser, the
// device is enrolled, and a person has unlocked it.
package fieldapp
