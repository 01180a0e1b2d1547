package catcher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type running struct {
	*Catcher
	smtp string // host:port
	page string // http://host:port
}

func open(t *testing.T, dir string) running {
	t.Helper()
	c, err := Open(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = c.Serve(l) }()
	page := httptest.NewServer(c.Handler())
	t.Cleanup(func() {
		page.Close()
		_ = c.Close(context.Background())
	})
	return running{c, l.Addr().String(), page.URL}
}

func (r running) send(t *testing.T, to, mail string) {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	require.NoError(t, smtp.SendMail(r.smtp, nil, "shop@example.com", []string{to}, []byte(mail)))
}

func get(t *testing.T, url string) (status int, header http.Header, body string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(text)
}

type listing struct {
	Total int
	More  bool
	Mails []entry
}

func (r running) list(t *testing.T, query string) (l listing) {
	t.Helper()
	status, _, body := get(t, r.page+"/mails.json"+query)
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, json.Unmarshal([]byte(body), &l))
	return l
}

const rich = `From: =?utf-8?q?Caf=C3=A9_Shop?= <shop@example.com>
To: ada@example.com
Subject: =?utf-8?q?Your_code=2C_Ada_=E2=80=93_caf=C3=A9?=
Message-ID: <1@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Hello Ada, your caf=E9 code is SPRING-1.
--inner
Content-Type: text/html; charset=utf-8

<!doctype html><p>Hello <b>Ada</b> <a href="https://example.com">shop</a><img src="cid:logo@x"><script>alert(1)</script></p>
--inner--
--outer
Content-Type: image/png; name=logo.png
Content-Disposition: inline; filename=logo.png
Content-ID: <logo@x>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer
Content-Type: text/html; name=evil.html
Content-Disposition: attachment; filename=evil.html

<script>alert(1)</script>
--outer--
`

func TestShowsAMail(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	c.send(t, "ada@example.com", rich)

	status, header, body := get(t, c.page+"/mails/1")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	for _, shown := range []string{"Your code, Ada – café", "Café Shop &lt;shop@example.com&gt;", "your café code is SPRING-1", "logo.png", "Message-Id", "ada@example.com"} {
		require.Contains(t, body, shown)
	}
	require.NotContains(t, body, "<script>")

	_, header, body = get(t, c.page+"/mails/1/html")
	require.Contains(t, body, "<b>Ada</b>")
	require.Contains(t, body, `src="/mails/1/parts/0"`)
	policy := header.Get("Content-Security-Policy")
	require.Contains(t, policy, "sandbox allow-popups")
	require.NotContains(t, policy, "script-src")
	require.NotContains(t, policy, "allow-scripts")

	_, header, body = get(t, c.page+"/mails/1/parts/0")
	require.Equal(t, "\x89PNG\r\n\x1a\n", body)
	require.Equal(t, "image/png", header.Get("Content-Type"))
	_, header, _ = get(t, c.page+"/mails/1/parts/1")
	require.Contains(t, header.Get("Content-Disposition"), "attachment")

	_, header, body = get(t, c.page+"/mails/1/source")
	require.Equal(t, "text/plain; charset=utf-8", header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(body, "Return-Path: <shop@example.com>\r\nDelivered-To: ada@example.com\r\nFrom: "), body)
}

func TestListsNewestFirstAndSearches(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	for i := range 120 {
		name := []string{"Ada", "Bob"}[i%2]
		require.NoError(t, c.store.add(strings.NewReader(fmt.Sprintf(
			"Delivered-To: %s%d@example.com\r\nFrom: shop@example.com\r\nSubject: Élan no. %d\r\n\r\nx", strings.ToLower(name), i+1, i+1))))
	}
	first := c.list(t, "")
	require.Equal(t, 120, first.Total)
	require.True(t, first.More)
	require.Len(t, first.Mails, perPage)
	require.Equal(t, 120, first.Mails[0].Number)

	var seen []int
	for query := ""; ; {
		page := c.list(t, query)
		for _, m := range page.Mails {
			seen = append(seen, m.Number)
		}
		if !page.More {
			break
		}
		query = fmt.Sprintf("?before=%d", page.Mails[len(page.Mails)-1].Number)
	}
	require.Len(t, seen, 120)
	require.Equal(t, 1, seen[119])

	require.Len(t, c.list(t, "?q=bob4@example.com").Mails, 1)
	require.Len(t, c.list(t, "?q=%C3%A9lan+120").Mails, 1)
	require.Empty(t, c.list(t, "?q=nobody-like-this").Mails)

	_, _, body := get(t, c.page+"/?q=bob")
	require.Contains(t, body, "bob120@example.com")
	require.NotContains(t, body, "ada119@example.com")
	require.Contains(t, body, "/?before=22&amp;q=bob")
}

func TestSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir)
	for i := range 3 {
		c.send(t, fmt.Sprintf("c%d@example.com", i+1), "Subject: kept\n\nbody\n")
	}
	require.NoError(t, c.Close(t.Context()))

	// A kill between the third file and its line, in the middle of that line, and in the middle of a fourth file.
	index, err := os.ReadFile(filepath.Join(dir, "index.jsonl"))
	require.NoError(t, err)
	cut := strings.LastIndex(strings.TrimSpace(string(index)), "\n") + 20
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.jsonl"), index[:cut], 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "4.part"), []byte("Subject: half"), 0o600))

	c = open(t, dir)
	require.Equal(t, 3, c.Count())
	c.send(t, "c4@example.com", "Subject: after\n\nbody\n")
	found := c.list(t, "").Mails
	require.Len(t, found, 4)
	for i, m := range found {
		require.Equal(t, 4-i, m.Number)
		require.Equal(t, []string{fmt.Sprintf("c%d@example.com", 4-i)}, m.To)
	}
}

func TestDeletesAllOnlyWhenItsOwnPageAsks(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	c.send(t, "ada@example.com", "Subject: one\n\nbody\n")
	post := func(origin string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.page+"/clear", nil)
		require.NoError(t, err)
		req.Header.Set("Origin", origin)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, post("https://evil.example"))
	require.Equal(t, 1, c.Count())
	require.Equal(t, http.StatusOK, post(c.page))
	require.Equal(t, 0, c.Count())
	status, _, _ := get(t, c.page+"/mails/1")
	require.Equal(t, http.StatusNotFound, status)
	c.send(t, "ada@example.com", "Subject: two\n\nbody\n")
	require.Equal(t, 1, c.Count())
}

func TestTakesWhatIsNotAMail(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	for _, mail := range []string{"", "no head at all", "Content-Type: multipart/mixed; boundary=x\n\n--x\nbroken", "Content-Type: text/html; charset=klingon\n\n<p>x", "Subject: =?nonsense?=\n\nx"} {
		c.send(t, "ada@example.com", mail)
	}
	require.Equal(t, 5, c.Count())
	for i := range 5 {
		status, _, _ := get(t, fmt.Sprintf("%s/mails/%d", c.page, i+1))
		require.Equal(t, http.StatusOK, status)
	}
	for _, path := range []string{"/mails/0", "/mails/99", "/mails/x", "/mails/..%2f..%2findex.jsonl/source", "/mails/1/parts/9"} {
		status, _, _ := get(t, c.page+path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
}

func TestRefusesAMailThatIsTooLarge(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir())
	err := smtp.SendMail(c.smtp, nil, "a@example.com", []string{"b@example.com"}, bytes.Repeat([]byte("0123456789abcd\r\n"), maxMessage/16+1))
	require.ErrorContains(t, err, "552")
	require.Zero(t, c.Count())
	parts, err := filepath.Glob(filepath.Join(c.store.dir, "*.part"))
	require.NoError(t, err)
	require.Empty(t, parts)
}

// Not parallel: it measures this process.
func TestMemoryDoesNotGrowWithTheMails(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 5,000 files")
	}
	c := open(t, t.TempDir())
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 5_000 {
		require.NoError(t, c.store.add(strings.NewReader(fmt.Sprintf("Delivered-To: c%d@example.com\r\nSubject: one of many\r\n\r\nbody", i))))
	}
	require.Len(t, c.list(t, "?q=c7@example.com").Mails, 1)
	require.Less(t, heap(), before+2<<20)
}

func TestReadsLinesBackwards(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 5, 64<<10 - 1, 64 << 10, 64<<10 + 1, 200_000} {
		var text strings.Builder
		for i := range 5 {
			fmt.Fprintf(&text, "%d%s\n", i, strings.Repeat("x", length))
		}
		var got []string
		require.NoError(t, lines(strings.NewReader(text.String()), int64(text.Len()), func(line []byte, _ int64) bool {
			got = append(got, string(line[:1]))
			require.Len(t, line, length+1)
			return true
		}))
		require.Equal(t, []string{"4", "3", "2", "1", "0"}, got)
	}
}
