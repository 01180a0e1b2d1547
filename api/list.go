package api

import (
	"time"

	"github.com/labstack/echo/v4"
)

// timestamp is an instant as every answer writes it: UTC with milliseconds, so that clients can compare them as texts.
type timestamp time.Time

// MarshalText writes the instant.
func (t timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// stamp is a timestamp that may be missing.
func stamp(t *time.Time) *timestamp {
	if t == nil {
		return nil
	}
	at := timestamp(*t)
	return &at
}

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
