package indicators

import (
	"strconv"
	"strings"
)

// A cell of the harm map is "b" and a block's id, "g" and two numbers for a
// square of 100 m, or "k" and two numbers for one of a kilometre.

// village are the settings in which the map is coarser.
var village = map[string]bool{"rural": true, "nomadic": true}

// mapCell is the cell as the map shows it: in villages the square of a kilometre.
func (s *Summary) mapCell(cell string) string {
	x, y, ok := gridOf(cell)
	if !ok || s.Neighbourhood == nil || !village[s.Neighbourhood.Setting] {
		return cell
	}
	return "k" + string(num(floorDiv(x, 10))) + ":" + string(num(floorDiv(y, 10)))
}

func gridOf(cell string) (x, y int64, ok bool) {
	rest, grid := strings.CutPrefix(cell, "g")
	a, b, two := strings.Cut(rest, ":")
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	return x, y, grid && two && err1 == nil && err2 == nil
}

// householdsOf is how many households live in a cell, 0 if that is not known: a
// block's own, or the part of the neighbourhood's that the square is of its area.
func (s *Summary) householdsOf(cell string) int64 {
	if block, is := strings.CutPrefix(cell, "b"); is {
		for _, b := range s.Blocks {
			if string(id(b.Record)) == block {
				return b.Households
			}
		}
		return 0
	}
	if s.Neighbourhood == nil || s.Neighbourhood.AreaHa <= 0 || s.Profile == nil || s.Profile.Households < 0 {
		return 0
	}
	const squareHa, kilometreHa = 1, 100
	area := int64(squareHa)
	if strings.HasPrefix(cell, "k") {
		area = kilometreHa
	}
	return min(s.Profile.Households*area/s.Neighbourhood.AreaHa, s.Profile.Households)
}
