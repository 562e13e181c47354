package indicators

import "mahalleh/schemas"

// textOf is the text of a figure, a definition ("D01.definition"), a value or a
// table, in both languages. A test holds every name that a figure uses against
// both catalogues.
func textOf(key string) schemas.Text { return schemas.Text{Fa: textsFa[key], En: textsEn[key]} }
