// Package dashboard is the committee's pages: who is signed in sees where the
// neighbourhoods of their places stand, and decides. It takes a server's hub and
// report and gives a handler; the listener belongs to the program around it.
//
// A page is a file of handlers and a template of the same name. What a page may
// assume stands in [visit]: somebody is signed in, with a second factor where
// their roles ask for one. What it may show it asks of an [access.View], anew in
// each snapshot.
package dashboard
