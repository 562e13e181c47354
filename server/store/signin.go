package store

import "mahalleh/syncproto"

// Invitation is a link by which a person chooses a password, once.
type Invitation struct {
	// SecretHash is SHA-256 of the secret; the secret itself is not kept.
	SecretHash       syncproto.Hash
	Person           syncproto.PersonID
	Created, Expires int64
	// Used is when it was used, 0 if it was not.
	Used int64
}

// Factor is a person's second factor: the secret that their codes derive from.
type Factor struct {
	Person syncproto.PersonID
	Secret []byte
	// Step numbers the half minute of the last code that was taken.
	Step int64
}

// Session is a browser in which somebody is signed in. Times are Unix ms.
type Session struct {
	// Token is SHA-256 of the token in the browser's cookie.
	Token      syncproto.Hash
	Person     syncproto.PersonID
	Made, Seen int64
	// Second says that the second factor was shown.
	Second bool
	// Address and Agent are what a person recognises the browser by.
	Address, Agent string
}

// SigninReader reads how people sign in.
type SigninReader interface {
	Invitation(syncproto.Hash) (Invitation, error)
	Factor(syncproto.PersonID) (Factor, error)
	Session(syncproto.Hash) (Session, error)
	// Sessions returns a person's sessions, everybody's if zero, newest first.
	Sessions(syncproto.PersonID) ([]Session, error)
}

// SigninWriter writes it. What is dropped need not be there.
type SigninWriter interface {
	// PutInvitation, PutFactor and PutSession insert or replace.
	PutInvitation(Invitation) error
	// DropInvitations forgets all of a person's invitations.
	DropInvitations(syncproto.PersonID) error
	PutFactor(Factor) error
	DropFactor(syncproto.PersonID) error
	PutSession(Session) error
	DropSession(syncproto.Hash) error
}
