package catcher

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// perPage is how many mails one page of the list shows.
const perPage = 50

//go:embed page
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"ago": ago, "size": size, "many": many, "join": strings.Join,
}).ParseFS(files, "page/*.html"))

// Handler is the catcher's page. Its JSON twin, for scripts: GET /mails.json?q=…&before=…
func (c *Catcher) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.list)
	mux.HandleFunc("GET /mails.json", c.listJSON)
	mux.HandleFunc("GET /mails/{number}", c.show)
	mux.HandleFunc("GET /mails/{number}/html", c.html)
	mux.HandleFunc("GET /mails/{number}/source", c.source)
	mux.HandleFunc("GET /mails/{number}/parts/{part}", c.part)
	mux.HandleFunc("POST /clear", c.clear)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "page/style.css") })
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

func (c *Catcher) search(r *http.Request) (query string, before int, found []entry, more bool, err error) {
	query = strings.TrimSpace(r.FormValue("q"))
	before, _ = strconv.Atoi(r.FormValue("before")) // nonsense begins at the newest
	found, more, err = c.store.find(query, before, perPage)
	return query, before, found, more, err
}

func (c *Catcher) list(w http.ResponseWriter, r *http.Request) {
	query, before, found, more, err := c.search(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	older := ""
	if more {
		older = "/?" + url.Values{"q": {query}, "before": {strconv.Itoa(found[len(found)-1].Number)}}.Encode()
	}
	render(w, "list.html", map[string]any{
		"Query": query, "Mails": found, "Older": older, "Total": c.Count(), "First": before == 0,
	})
}

func (c *Catcher) listJSON(w http.ResponseWriter, r *http.Request) {
	_, _, found, more, err := c.search(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if found == nil {
		found = []entry{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"total": c.Count(), "more": more, "mails": found})
}

// mail opens and reads the mail that the path names, or answers 404.
func (c *Catcher) mail(w http.ResponseWriter, r *http.Request) (number int, m content, ok bool) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		http.NotFound(w, r)
		return 0, m, false
	}
	f, err := c.store.open(number)
	if errors.Is(err, os.ErrNotExist) {
		http.NotFound(w, r)
		return 0, m, false
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return 0, m, false
	}
	defer func() { _ = f.Close() }()
	return number, read(f), true
}

func (c *Catcher) show(w http.ResponseWriter, r *http.Request) {
	number, m, ok := c.mail(w, r)
	if !ok {
		return
	}
	e, err := c.store.describe(number)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	render(w, "mail.html", map[string]any{
		"Mail": e, "Content": m,
		"Newest": c.store.newest(), "NewerNumber": number + 1, "OlderNumber": number - 1,
	})
}

// html shows the mail's HTML as a mail program would: pictures yes, scripts and forms no, links in a new tab.
func (c *Catcher) html(w http.ResponseWriter, r *http.Request) {
	number, m, ok := c.mail(w, r)
	if !ok {
		return
	}
	body := m.HTML
	for i, p := range m.Parts {
		if p.ContentID != "" {
			body = strings.ReplaceAll(body, "cid:"+p.ContentID, fmt.Sprintf("/mails/%d/parts/%d", number, i))
		}
	}
	w.Header().Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "+
		"style-src 'unsafe-inline'; img-src 'self' http: https: data:; font-src http: https: data:; frame-ancestors 'self'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// A doctype must come first, so the base element goes after it all; browsers take it from anywhere.
	_, _ = w.Write([]byte(body + "\n<base target=\"_blank\">\n")) //nolint:gosec // it is HTML on purpose; the policy above cages it
}

func (c *Catcher) source(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.FormValue("save") != "" {
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%d.eml"`, number))
	}
	http.ServeFile(w, r, c.store.path(number))
}

func (c *Catcher) part(w http.ResponseWriter, r *http.Request) {
	_, m, ok := c.mail(w, r)
	if !ok {
		return
	}
	i, err := strconv.Atoi(r.PathValue("part"))
	if err != nil || i < 0 || i >= len(m.Parts) {
		http.NotFound(w, r)
		return
	}
	p := m.Parts[i]
	disposition := "attachment"
	if strings.HasPrefix(p.Type, "image/") && p.Type != "image/svg+xml" { // SVG may hold scripts
		disposition = "inline"
	}
	w.Header().Set("Content-Type", p.Type)
	w.Header().Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": p.Name}))
	_, _ = w.Write(p.body)
}

func (c *Catcher) clear(w http.ResponseWriter, r *http.Request) {
	if err := c.store.clear(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func render(w http.ResponseWriter, page string, data any) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, page, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w)
}

// ago says when, the way a person would.
func ago(at time.Time) string {
	switch d := time.Since(at); {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return at.Local().Format("15:04")
	default:
		return at.Local().Format("2 Jan, 15:04")
	}
}

func size(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(bytes)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	}
}

// many writes a number with separators: 12,345.
func many(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
