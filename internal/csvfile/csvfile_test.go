package csvfile_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"herald/internal/csvfile"
)

// all reads a file to its end: the fields of good rows, the reasons of bad ones.
func all(t testing.TB, content io.Reader) (header []string, rows [][]string) {
	t.Helper()
	r, err := csvfile.NewReader(content)
	require.NoError(t, err)
	for number := int64(1); ; number++ {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Header(), rows
		}
		require.NoError(t, err)
		require.Equal(t, number, row.Number)
		if row.Bad != "" {
			row.Fields = []string{"bad: " + row.Bad}
		}
		rows = append(rows, row.Fields)
	}
}

func TestFilesAsPeopleHaveThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		rows    [][]string
	}{
		"plain":                  {"a,b\n1,2\n", [][]string{{"1", "2"}}},
		"no last line end":       {"a,b\n1,2", [][]string{{"1", "2"}}},
		"byte order mark, CRLF":  {"\ufeffa,b\r\n1,2\r\n", [][]string{{"1", "2"}}},
		"semicolons":             {"a;b\n1,0;2\n", [][]string{{"1,0", "2"}}},
		"tabs":                   {"a\tb\n1\t2\n", [][]string{{"1", "2"}}},
		"empty lines":            {"a,b\n\n1,2\n\r\n", [][]string{{"1", "2"}}},
		"quotes":                 {"a,b\n\"x, \"\"y\"\"\",\"\"\n", [][]string{{`x, "y"`, ""}}},
		"quoted line end":        {"a,b\n\"x\r\ny\n\",2\n3,4\n", [][]string{{"x\ny\n", "2"}, {"3", "4"}}},
		"a quote within a field": {"a,b\n5\" pipe,2\n", [][]string{{`5" pipe`, "2"}}},
		"text behind a quote":    {"a,b\n\"x\"y,2\n3,4\n", [][]string{{"bad: has a quote in the middle of a quoted field; write it twice"}, {"3", "4"}}},
		"a quote never closes":   {"a,b\n\"x,2\n3,4\n5,6\n", [][]string{{"bad: opens a quote that never closes"}, {"3", "4"}, {"5", "6"}}},
		"too few":                {"a,b\n1\n3,4\n", [][]string{{"bad: has 1 fields; the header has 2"}, {"3", "4"}}},
		"too many":               {"a,b\n1,2,3\n", [][]string{{"bad: has 3 fields; the header has 2"}}},
		"too many, but empty":    {"a,b\n1,2,,\n", [][]string{{"1", "2"}}},
		"Latin-1":                {"a,b\nZo\xeb,2\n3,4\n", [][]string{{"bad: column a is not UTF-8 text (it may be Latin-1 or Windows-1252); save the file as UTF-8"}, {"3", "4"}}},
		"NUL":                    {"a,b\n1,\x00\n", [][]string{{"bad: column b holds a NUL byte"}}},
	} {
		header, rows := all(t, strings.NewReader(c.content))
		require.Equal(t, []string{"a", "b"}, header, name)
		require.Equal(t, c.rows, rows, name)
	}
}

func TestSpreadsheetsWriteUTF16(t *testing.T) {
	t.Parallel()
	for _, big := range []bool{false, true} {
		var content bytes.Buffer
		for _, unit := range utf16.Encode([]rune("\ufeffName\nZoë\n")) {
			pair := []byte{byte(unit), byte(unit >> 8)}
			if big {
				pair[0], pair[1] = pair[1], pair[0]
			}
			content.Write(pair)
		}
		_, rows := all(t, &content)
		require.Equal(t, [][]string{{"Zoë"}}, rows)
	}
}

// A line of a hundred megabytes is one bad row, in bounded memory, with quotes or without.
func TestALongLineIsOneBadRow(t *testing.T) {
	long := func() io.Reader { return io.LimitReader(repeat('x'), 100<<20) }
	for _, opening := range []string{"", `"`} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, rows := all(t, io.MultiReader(strings.NewReader("a,b\n1,2\n"+opening), long(), strings.NewReader(",2\n3,4\n")))
		runtime.ReadMemStats(&after)
		require.Equal(t, [][]string{{"1", "2"}, {"bad: is longer than 1048576 bytes"}, {"3", "4"}}, rows)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
	}
}

// A quote that opens before a long line does not swallow what comes after it.
func TestAnOpenQuoteBeforeALongLine(t *testing.T) {
	t.Parallel()
	_, rows := all(t, io.MultiReader(strings.NewReader("a\n\"open\n2\n"), io.LimitReader(repeat('x'), 3<<20), strings.NewReader("\n3\n")))
	require.Equal(t, [][]string{{"bad: opens a quote that never closes"}, {"2"}, {"bad: is longer than 1048576 bytes"}, {"3"}}, rows)
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// FuzzReader holds that no file makes the reader fail, or lose the rows of one that the standard library reads.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\ufeffa;b\r\n\"x\"\"\",\"\n\"\n", "a\n\"", "\xff\xfea\x00", "a,b\n\"x\ny\",2\n", "a\n\x00\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := csvfile.NewReader(bytes.NewReader(content))
		if err != nil {
			return
		}
		var rows [][]string
		clean := true
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			clean = clean && row.Bad == ""
			rows = append(rows, row.Fields)
		}
		if !clean || !bytes.Contains(bytes.SplitN(content, []byte{'\n'}, 2)[0], []byte{','}) {
			return
		}
		standard := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
		want, err := standard.ReadAll()
		if err == nil && len(want) > 0 && !bytes.Contains(content, []byte{'\r'}) {
			require.Len(t, rows, len(want)-1)
			for i := range rows {
				require.Equal(t, want[i+1], rows[i])
			}
		}
	})
}
