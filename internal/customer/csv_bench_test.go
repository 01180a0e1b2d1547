package customer_test

import (
	"testing"

	"herald/internal/customer"
)

func BenchmarkReadingARow(b *testing.B) {
	columns, err := customer.NewColumns([]string{
		"Source_id", "Name", "Email", "Phone", "Birthdate", "Address_line_1", "Address_city", "Address_country", "Address_postal_code", "level", "points",
	})
	if err != nil {
		b.Fatal(err)
	}
	cells := []string{
		"shop-0000001", "Ada Lovelace", "ada@example.com", "+48 123456789", "1990-12-31", "12 Main St, Apt 4", "Warsaw", "PL", "01234", "gold", "12",
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, bad := columns.Read(cells); bad != "" {
			b.Fatal(bad)
		}
	}
}
