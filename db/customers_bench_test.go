package db_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// file is a CSV file of n customers that is made while it is read.
func file(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		levels := []string{"gold", "silver", "bronze", ""}
		_, err := fmt.Fprintln(w, "Source_id,Name,Email,Phone,Birthdate,Address_line_1,Address_city,Address_country,Address_postal_code,level,points")
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(w, "shop-%07d,Ada Lovelace %d,user%d@example.com,+48 %09d,%d-%02d-%02d,\"%d Main St, Apt 4\",Warsaw,PL,%05d,%s,%d\n",
				i, i, i, random.IntN(1e9), 1950+random.IntN(55), 1+random.IntN(12), 1+random.IntN(28), random.IntN(200),
				random.IntN(1e5), levels[random.IntN(4)], random.IntN(1000))
		}
		_ = w.CloseWithError(err)
	}()
	return r
}

// A million customers: imported, imported again over themselves, and held against segments of every size.
//
//	go test ./db -run - -bench Million -benchtime 1x
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	p := newPeople(b)
	measure := func(what string, do func()) {
		began := time.Now()
		do()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		b.Logf("%-30.30s %8s, Go has %d MB", what, time.Since(began).Round(time.Millisecond), memory.Sys>>20)
	}
	for range b.N {
		for _, what := range []string{"import", "import again"} {
			measure(what, func() {
				state, err := p.customers.ImportCSV(b.Context(), db.CustomerImport{Project: p.project}, file(n))
				require.NoError(b, err)
				require.EqualValues(b, n, state.Done)
			})
		}
		for _, filter := range []string{
			`{"metadata.level":{"conditions":{"$is":"gold"}}}`,
			`{"email":{"conditions":{"$ends_with":"7@example.com"}},"metadata.points":{"conditions":{"$more_than":990}}}`,
			`{"created_at":{"conditions":{"$after":"2020-01-01"}}}`,
		} {
			one := p.segment(b, filter)
			measure("sync of "+filter, func() { p.sync(b, one.ID) })
			measure("and again, nothing to do", func() { p.sync(b, one.ID) })
		}
		measure("one customer, three segments", func() { p.save(b, "shop-0000001", `{"metadata":{"level":"gold"}}`) })
		measure("list, newest first", func() {
			_, err := p.customers.List(b.Context(), p.project, db.CustomerQuery{Order: "-created_at", Limit: 100})
			require.NoError(b, err)
		})
		measure("list, by change", func() {
			_, err := p.customers.List(b.Context(), p.project, db.CustomerQuery{Order: "-updated_at", Limit: 100})
			require.NoError(b, err)
		})
		measure("20,000 rows, three segments", func() {
			_, err := p.customers.ImportCSV(b.Context(), db.CustomerImport{Project: p.project}, file(20_000))
			require.NoError(b, err)
		})
	}
}
