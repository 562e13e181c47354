package clientsdk

import (
	"context"
	"slices"

	"mahalleh/client-sdk/localstore"
	"mahalleh/client-sdk/sessionstore"
	"mahalleh/syncproto"
	"mahalleh/syncproto/session"
)

// listener notes what the server says of own changes on its way to the store.
type listener struct {
	*sessionstore.Store
	client *Client
	heard  map[syncproto.ChangeID]syncproto.Result
	order  []syncproto.ChangeID
	// open are conflicts whose outcome this device's person waits for: those of
	// before, and while watching those that came since.
	open     []Conflict
	watching bool
}

func (l *listener) hear(ctx context.Context, results []syncproto.Result) {
	var aside []syncproto.ChangeID
	for _, r := range results {
		if _, known := l.heard[r.Change]; !known {
			l.order = append(l.order, r.Change)
		}
		l.heard[r.Change] = r
		if isAside(r.Outcome) {
			aside = append(aside, r.Change)
		}
	}
	if err := l.client.noteAside(ctx, aside); err != nil {
		l.client.log.Warn("noting what was set aside failed", "err", err)
	}
}

// CommitResults implements syncer.Store.
func (l *listener) CommitResults(ctx context.Context, e session.CommitResults) error {
	news := l.news(ctx, e.Results)
	err := l.Store.CommitResults(ctx, e)
	if err == nil {
		l.hear(ctx, news)
	}
	return err
}

// CommitPage implements syncer.Store.
func (l *listener) CommitPage(ctx context.Context, e session.CommitPage) error {
	news := l.news(ctx, e.Page.Results)
	err := l.Store.CommitPage(ctx, e)
	if err == nil {
		l.hear(ctx, news)
	}
	return err
}

// CommitCaught implements syncer.Store.
func (l *listener) CommitCaught(ctx context.Context, e session.CommitCaught) (session.CaughtCommitted, error) {
	news := l.news(ctx, e.Caught.Results)
	for i := range e.Caught.Pages {
		news = append(news, l.news(ctx, e.Caught.Pages[i].Results)...)
	}
	out, err := l.Store.CommitCaught(ctx, e)
	if err == nil {
		l.hear(ctx, news)
		if l.watching && len(e.Caught.Pages) > 0 {
			l.await(ctx)
		}
	}
	return out, err
}

// news leaves out what the author knows: of a change that waits or is set aside
// the server says so again at every contact.
func (l *listener) news(ctx context.Context, results []syncproto.Result) []syncproto.Result {
	var news []syncproto.Result
	for _, r := range results {
		if (r.Outcome == syncproto.Parked || r.Outcome == syncproto.Quarantined) && l.knows(ctx, &r) {
			continue
		}
		news = append(news, r)
	}
	return news
}

// knows says whether a change is known to wait, or to be set aside, as r says.
// The reason goes with the change's scope.
func (l *listener) knows(ctx context.Context, r *syncproto.Result) bool {
	own, err := l.client.store.Change(ctx, r.Change)
	switch {
	case err != nil:
		return false
	case own.Result != nil:
		return own.Result.Outcome == r.Outcome && own.Result.Reason == r.Reason
	case r.Outcome == syncproto.Parked:
		return own.Sync == localstore.SyncParked
	}
	return own.Sync == localstore.SyncQuarantined
}

// await notes the conflicts that are open now. One that comes and is settled
// while a Watch goes on would be told to nobody otherwise.
func (l *listener) await(ctx context.Context) {
	now, err := l.client.awaited(ctx)
	if err != nil {
		l.client.log.Warn("reading the open conflicts failed", "err", err)
	}
	for _, x := range now {
		if !slices.ContainsFunc(l.open, func(y Conflict) bool { return y.ID == x.ID }) {
			l.open = append(l.open, x)
		}
	}
}

// SaveEnrolment implements syncer.Store.
func (l *listener) SaveEnrolment(ctx context.Context, e session.SaveEnrolment) error {
	return l.learn(ctx, l.Store.SaveEnrolment(ctx, e))
}

// SaveWelcome implements syncer.Store.
func (l *listener) SaveWelcome(ctx context.Context, e session.SaveWelcome) (session.WelcomeSaved, error) {
	out, err := l.Store.SaveWelcome(ctx, e)
	return out, l.learn(ctx, err)
}

// SaveGrants implements syncer.Store.
func (l *listener) SaveGrants(ctx context.Context, e session.SaveGrants) error {
	return l.learn(ctx, l.Store.SaveGrants(ctx, e))
}

// learn reads anew what the store was just told of people, rights and time: a
// Watch may run for weeks.
func (l *listener) learn(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return l.client.opened(ctx)
}
