// Package origin is the noun of the places that browsers call from (RFC 6454): scheme, host and port, as the header Origin
// names them.
package origin

import (
	"net/url"
	"strings"

	"herald/internal/fault"
)

// Parse reads an origin as a person writes it, and returns it as browsers do: lower-case, without a port that is the scheme's
// own, without a path.
func Parse(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
		(u.Scheme != "http" && u.Scheme != "https") || strings.ContainsAny(u.Host, "* ") {
		return "", fault.Property("origin", "An origin reads as in https://shop.example or http://localhost:3000, not %q", text)
	}
	host := strings.ToLower(u.Host)
	if own := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; strings.HasSuffix(host, own) {
		host = strings.TrimSuffix(host, own)
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":"), nil
}
