package api

import (
	"github.com/labstack/echo/v4"

	"herald/internal/stamp"
)

// timestamp is an instant as every answer writes it.
type timestamp = stamp.Stamp

// list is the envelope of every list: the items stand under the name that data_ref says.
func list[T any](dataRef string, items []T, total int64) echo.Map {
	if items == nil {
		items = []T{}
	}
	return echo.Map{"object": "list", "data_ref": dataRef, dataRef: items, "total": total}
}

// each turns rows into what the API shows of them.
func each[Row, Shown any](rows []Row, show func(Row) Shown) []Shown {
	shown := make([]Shown, len(rows))
	for i, row := range rows {
		shown[i] = show(row)
	}
	return shown
}
