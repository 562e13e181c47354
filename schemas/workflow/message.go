package workflow

import (
	"strconv"
	"strings"

	"mahalleh/schemas"
	"mahalleh/schemas/jalali"
	"mahalleh/schemas/persian"
)

// messageKey names one text of the catalogues messagesFa and messagesEn.
type messageKey uint8

const (
	msgNoStep messageKey = iota
	msgNoBeginning
	msgNoWayOn
	msgNotYour
	msgNoDecision
	msgOtherDecision
	msgNotApproved
	msgStale
	msgUnbound
	msgNoQuorum
	msgOtherCommittee
	msgDateMissing
	msgFieldMissing
	msgNotTrained
	msgNotCertified
	msgCountersign
	msgConflicts
	msgNoCapacity
	msgNoAssets
	msgNoNeeds
	msgNoResidents
	msgGate
	msgNoReasons
	msgNoCountyReview
	msgNoSnapshot
	msgEvidence
	msgNotRanked
	msgNotPlanned
	msgNothingDone
	msgPlanNotApproved
	msgNotDoneBefore
	msgNotConfirmedBefore
	msgOtherEnd
	msgCommitments
	msgNotStarted
	msgNoNotice
	msgNoticeLate
	msgNoticeAfterEnd
	msgDeciders
	msgNoticeShort
	msgNotConfirmed
	msgUnapproved
	msgReplyNotDue
	msgNoMembers
	msgNoBlocks
	msgNoStatute
	msgNoSteering
	msgNoCentre
	msgIdentity
	msgNotCapable
	msgNotChosen
	msgChosenLate
	msgNoMonitors
	msgNoEvidence
	msgConsentWithdrawn
	msgConsentOther
	msgTenfold
	// What a rule says where the case is not known any more: see Rule.
	msgAnyNoStep
	msgAnyNotYour
	msgAnyNoDecision
	msgAnyOtherDecision
	msgAnyNotApproved
	msgAnyOtherCommittee
	msgAnyCommitments
	msgAnyDeciders
	messageCount
)

// arg fills the placeholder {name} of a message, in each language.
type arg struct{ name, fa, en string }

func say(key messageKey, args ...arg) schemas.Text {
	fa := make([]string, 0, 2*len(args))
	en := make([]string, 0, 2*len(args))
	for _, a := range args {
		fa = append(fa, "{"+a.name+"}", a.fa)
		en = append(en, "{"+a.name+"}", a.en)
	}
	return schemas.Text{Fa: strings.NewReplacer(fa...).Replace(messagesFa[key]), En: strings.NewReplacer(en...).Replace(messagesEn[key])}
}

func numberArg(name string, n int64) arg {
	digits := strconv.FormatInt(n, 10)
	return arg{name, persian.ToPersianDigits(digits), digits}
}

func countArg(name string, n int) arg { return numberArg(name, int64(n)) }

// dayArg writes a day as people say it; one outside the calendar as it is stored.
func dayArg(name string, day jalali.Day) arg {
	date, err := day.Date()
	if err != nil {
		return arg{name, day.ISO(), day.ISO()}
	}
	return arg{name, date.LongFa(), date.LongEn()}
}

// labelArg is the label of a field of the case's form.
func (c *Case) labelArg(name, field string) arg {
	f, ok := c.form.FieldByName(field)
	if !ok {
		return arg{name, field, field}
	}
	return arg{name, f.Label.Fa, f.Label.In("en")}
}

func (c *Case) codeArg(name, list, code string) arg {
	return c.codesArg(name, list, []string{code})
}

func (c *Case) stateArg(m *Machine, name, state string) arg { return c.codeArg(name, m.List, state) }

func (c *Case) statesArg(m *Machine, name string, states []string) arg {
	return c.codesArg(name, m.List, states)
}

// codesArg lists the labels of codes.
func (c *Case) codesArg(name, list string, codes []string) arg {
	var fa, en []string
	l, known := c.Forms.List(list)
	for _, code := range codes {
		label := schemas.Text{Fa: code, En: code}
		if known {
			if item, ok := l.Item(code); ok {
				label = item.Label
			}
		}
		fa, en = append(fa, "«"+label.Fa+"»"), append(en, "“"+label.In("en")+"”")
	}
	return arg{name, strings.Join(fa, "، "), strings.Join(en, ", ")}
}

// roleNames are the names of the roles, as the programs spell them.
var roleNames = map[Role]schemas.Text{
	LocalTeam:        {Fa: "تیم محلی", En: "local team"},
	Facilitator:      {Fa: "تسهیلگر", En: "facilitator"},
	Steering:         {Fa: "کمیتهٔ راهبردی", En: "steering committee"},
	Clinic:           {Fa: "کلینیک مددکاری", En: "clinic"},
	TechnicalManager: {Fa: "مسئول فنی", En: "technical manager"},
	County:           {Fa: "بهزیستی شهرستان", En: "county office"},
	Province:         {Fa: "کمیتهٔ استانی", En: "provincial committee"},
	National:         {Fa: "ستاد کشور", En: "national office"},
}

func rolesArg(name string, roles []Role) arg {
	var fa, en []string
	for _, r := range roles {
		fa, en = append(fa, roleNames[r].Fa), append(en, roleNames[r].En)
	}
	return arg{name, strings.Join(fa, "، "), strings.Join(en, ", ")}
}
