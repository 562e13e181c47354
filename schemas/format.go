package schemas

import "mahalleh/schemas/persian"

// Format is the one way in which a number is stored that people type in many: with
// blanks, in any digits, with the country's code, without its leading zeros.
type Format string

// The formats.
const (
	FormatMobile     Format = "mobile"      // 09123456789
	FormatNationalID Format = "national_id" // ten digits
	FormatPostalCode Format = "postal_code" // ten digits
)

func (f Format) known() bool {
	return f == "" || f == FormatMobile || f == FormatNationalID || f == FormatPostalCode
}

// stored returns the text as it is stored. One that cannot be read stays as it was
// typed, for the field's rules to name.
func (f Format) stored(text string) string {
	read := text
	var err error
	switch f {
	case FormatMobile:
		read, err = persian.ParseMobile(text)
	case FormatNationalID:
		// Whether it was ever issued is a rule's matter.
		read, err = persian.ParseNationalID(text, true)
	case FormatPostalCode:
		read, err = persian.ParsePostalCode(text)
	}
	if err != nil {
		return text
	}
	return read
}
