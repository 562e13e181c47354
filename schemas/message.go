package schemas

import (
	"strconv"
	"strings"

	"mahalleh/schemas/persian"
)

// messageKey names one text of the catalogues messagesFa and messagesEn.
type messageKey uint8

const (
	msgNotJSON messageKey = iota
	msgUnknownField
	msgUnknownFieldNear
	msgComputedGiven
	msgWantText
	msgBrokenText
	msgWantBool
	msgWantInteger
	msgWantNumber
	msgWantDate
	msgAskGregorian
	msgWantJalali
	msgAskDate
	msgAskGregorianYear
	msgAskYear
	msgTypedMoney
	msgTypedPlace
	msgTypedCorners
	msgWantYear
	msgWantCode
	msgWantCodes
	msgWantRef
	msgWantRefs
	msgWantPoint
	msgWantPolygon
	msgWantItems
	msgWantAttachments
	msgNumberTooLarge
	msgTooManyValues
	msgBadItemID
	msgRequiredAlways
	msgRequiredSubmit
	msgWrongKind
	msgBelowMin
	msgAboveMax
	msgTooLong
	msgPattern
	msgNotInList
	msgNotInListNear
	msgTwoSchemes
	msgNoScheme
	msgCodeNotYet
	msgCodeEnded
	msgCodeReplaced
	msgTooFewItems
	msgTooManyItems
	msgConsentWarning
	msgConsentRefused
	msgNoPlace
	msgOutsideIran
	msgRingTooShort
	msgNotComputable
	msgConstraintFailed
	msgRepeated
	messageCount
)

// arg fills the placeholder {name} of a message, in each language.
type arg struct{ name, fa, en string }

func labelArg(label Text) arg           { return arg{"field", label.Fa, label.In("en")} }
func textArg(name string, t Text) arg   { return arg{name, t.Fa, t.In("en")} }
func wordArg(name, word string) arg     { return arg{name, word, word} }
func numberArg(name, digits string) arg { return arg{name, persianDigits(digits), digits} }
func countArg(name string, n int) arg   { return numberArg(name, strconv.Itoa(n)) }

// say returns the message of key in both languages with its placeholders filled.
func say(key messageKey, args ...arg) Text {
	fa := make([]string, 0, 2*len(args))
	en := make([]string, 0, 2*len(args))
	for _, a := range args {
		fa = append(fa, "{"+a.name+"}", a.fa)
		en = append(en, "{"+a.name+"}", a.en)
	}
	return Text{Fa: strings.NewReplacer(fa...).Replace(messagesFa[key]), En: strings.NewReplacer(en...).Replace(messagesEn[key])}
}

// persianDigits writes ASCII digits as Persian ones and a decimal point as the Persian separator.
func persianDigits(s string) string {
	return strings.ReplaceAll(persian.ToPersianDigits(s), ".", "٫")
}
