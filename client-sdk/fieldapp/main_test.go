package fieldapp

import (
	"testing"

	"mahalleh/schemas/formview/viewtest"
)

func TestMain(m *testing.M) { viewtest.Main(m) }
