package expr

import "fmt"

// function is one function or operator of the language. check gives the type of
// a call whose arguments have theirs; eval runs it.
type function struct {
	operator bool
	min, max int // number of arguments; max -1 for any number
	check    func(c *checker, n *node) (Type, error)
	eval     func(m *machine, n *node) (Value, error)
}

func (f *function) arity() string {
	switch {
	case f.max < 0:
		return fmt.Sprintf("at least %d arguments", f.min)
	case f.min == f.max && f.min == 1:
		return "1 argument"
	case f.min == f.max:
		return fmt.Sprintf("%d arguments", f.min)
	}
	return fmt.Sprintf("%d to %d arguments", f.min, f.max)
}

// functions is the whole language; nothing changes it.
var functions = map[string]*function{
	"or":     {true, 2, 2, takes(KindBool, KindBool), evalOr},
	"and":    {true, 2, 2, takes(KindBool, KindBool), evalAnd},
	"=":      {true, 2, 2, checkEqual, evalEqual},
	"!=":     {true, 2, 2, checkEqual, evalEqual},
	"<":      {true, 2, 2, checkOrder, evalOrder},
	"<=":     {true, 2, 2, checkOrder, evalOrder},
	">":      {true, 2, 2, checkOrder, evalOrder},
	">=":     {true, 2, 2, checkOrder, evalOrder},
	"+":      {true, 2, 2, takes(KindNumber, KindNumber), arithmetic(Decimal.Add)},
	"-":      {true, 2, 2, takes(KindNumber, KindNumber), arithmetic(Decimal.Sub)},
	"*":      {true, 2, 2, takes(KindNumber, KindNumber), arithmetic(Decimal.Mul)},
	"div":    {true, 2, 2, takes(KindNumber, KindNumber), arithmetic(Decimal.Div)},
	"mod":    {true, 2, 2, takes(KindNumber, KindNumber), arithmetic(Decimal.Mod)},
	"negate": {true, 1, 1, takes(KindNumber, KindNumber), evalNegate},

	"not":      {false, 1, 1, takes(KindBool, KindBool), evalNot},
	"true":     {false, 0, 0, takes(KindBool), constant(BoolValue(true))},
	"false":    {false, 0, 0, takes(KindBool), constant(BoolValue(false))},
	"if":       {false, 3, 3, checkIf, evalIf},
	"coalesce": {false, 1, -1, checkCoalesce, evalCoalesce},

	"abs":   {false, 1, 1, takes(KindNumber, KindNumber), evalAbs},
	"round": {false, 2, 2, takes(KindNumber, KindNumber), evalRound},
	"min":   {false, 1, -1, checkExtreme, evalExtreme},
	"max":   {false, 1, -1, checkExtreme, evalExtreme},

	"selected":       {false, 2, 2, checkSelected, evalSelected},
	"count-selected": {false, 1, 1, takes(KindNumber, KindCodes, KindRefs), evalCount},
	"parent-code":    {false, 1, 1, checkParentCode, evalParentCode},
	"code-attr":      {false, 2, 2, checkCodeAttr, evalCodeAttr},

	"count":            {false, 1, 1, takes(KindNumber, KindRows, KindColumn, KindCodes, KindRefs, KindFiles), evalCount},
	"sum":              {false, 1, 1, checkSum, evalSum},
	"unique":           {false, 1, 1, checkColumn, evalUnique},
	"list-contains":    {false, 2, 2, checkColumnValue, evalListContains},
	"item-count-where": {false, 2, 2, checkColumnValue, evalItemCountWhere},

	"string-length": {false, 1, 1, takes(KindNumber, KindText, KindCode), evalLength},
	"regex":         {false, 2, 2, checkRegex, evalRegex},
	"contains":      {false, 2, 2, takes(KindBool, KindText, KindCode), evalContains},
	"starts-with":   {false, 2, 2, takes(KindBool, KindText, KindCode), evalStartsWith},
	"concat":        {false, 1, -1, takes(KindText, KindText, KindCode, KindNumber, KindDate), evalConcat},
	"national-id":   {false, 1, 1, takes(KindBool, KindText), evalNationalID},

	"date":            {false, 1, 1, checkDate, evalPrepared},
	"today":           {false, 0, 0, takes(KindDate), evalToday},
	"date-add-days":   {false, 2, 2, checkDateAddDays, evalDateAddDays},
	"days-between":    {false, 2, 2, takes(KindNumber, KindDate), evalDaysBetween},
	"jalali-year":     {false, 1, 1, takes(KindNumber, KindDate), evalJalaliYear},
	"jalali-year-end": {false, 1, 1, takes(KindDate, KindDate), evalJalaliYearEnd},

	"area-ha":       {false, 1, 1, takes(KindNumber, KindPolygon), evalArea},
	"is-closed":     {false, 1, 1, takes(KindBool, KindPolygon), evalIsClosed},
	"is-simple":     {false, 1, 1, takes(KindBool, KindPolygon), evalIsSimple},
	"distance-m":    {false, 2, 2, takes(KindNumber, KindPoint), evalDistance},
	"within":        {false, 2, 3, checkWithin, evalWithin},
	"home-boundary": {false, 0, 0, takes(KindPolygon), evalHomeBoundary},
}

// takes checks a function whose arguments all have one of the kinds.
func takes(result Kind, kinds ...Kind) func(*checker, *node) (Type, error) {
	return func(c *checker, n *node) (Type, error) {
		return Type{Kind: result}, c.all(n, kinds...)
	}
}

func constant(v Value) func(*machine, *node) (Value, error) {
	return func(*machine, *node) (Value, error) { return v, nil }
}

// evalPrepared returns what checking computed.
func evalPrepared(_ *machine, n *node) (Value, error) {
	v, _ := n.state.(Value)
	return v, nil
}
