package api

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/occurrence"
)

const (
	callerKey = "caller"

	keyTrust  = 5 * time.Second // a revoked key is refused after that at the latest
	keysKnown = 10_000          // keys remembered at once
)

// authenticate lets a request through when its X-App-Id and X-App-Token are a key's.
func authenticate(projects db.Projects) echo.MiddlewareFunc {
	keys := &keyring{projects: projects, known: map[[sha256.Size]byte]knownKey{}}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			appID, token := c.Request().Header.Get("X-App-Id"), c.Request().Header.Get("X-App-Token")
			if appID == "" || token == "" {
				return &fault.Error{Code: fault.Unauthorized, Details: "Send the headers X-App-Id and X-App-Token"}
			}
			key, err := keys.find(c.Request().Context(), appID, token)
			if err != nil {
				return err
			}
			c.Set(callerKey, key)
			c.SetRequest(c.Request().WithContext(occurrence.With(c.Request().Context(), occurrence.Source{
				Channel: occurrence.ChannelAPI, APIKey: &occurrence.APIKey{Name: key.Name, AppID: key.AppID}, GroupID: requestID(c),
			})))
			return next(c)
		}
	}
}

// authenticateClient is authenticate for web pages: a client key, shown from one of its origins. Only then may the page read
// the answer.
func authenticateClient(projects db.Projects) echo.MiddlewareFunc {
	keys := &keyring{projects: projects, known: map[[sha256.Size]byte]knownKey{}}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			header := c.Request().Header
			appID, token := header.Get("X-Client-Application-Id"), header.Get("X-Client-Token")
			if appID == "" || token == "" {
				return &fault.Error{Code: fault.Unauthorized, Details: "Send the headers X-Client-Application-Id and X-Client-Token"}
			}
			key, err := keys.find(c.Request().Context(), appID, token)
			if err != nil {
				return err
			}
			if key.Role != db.Client {
				return &fault.Error{Code: fault.Unauthorized, Details: "This is a server's key; keep it out of web pages, and make one with the role client"}
			}
			from := header.Get("Origin")
			if !slices.Contains(key.Origins, from) {
				return fault.New(fault.Forbidden, "This key may not be used from the origin %q", from)
			}
			c.Response().Header().Set("Access-Control-Allow-Origin", from)
			c.Set(callerKey, key)
			c.SetRequest(c.Request().WithContext(occurrence.With(c.Request().Context(), occurrence.Source{
				Channel: occurrence.ChannelClient, APIKey: &occurrence.APIKey{Name: key.Name, AppID: key.AppID}, GroupID: requestID(c),
			})))
			return next(c)
		}
	}
}

// caller is whose request this is.
func caller(c echo.Context) db.Key { return c.Get(callerKey).(db.Key) }

// keyring remembers for a few seconds which keys were good, so that a request costs no query. It keeps hashes, and no key
// that failed: guesses cannot fill it.
type keyring struct {
	projects db.Projects
	mu       sync.Mutex
	known    map[[sha256.Size]byte]knownKey
}

type knownKey struct {
	key   db.Key
	until time.Time
}

func (k *keyring) find(ctx context.Context, appID, token string) (db.Key, error) {
	mark := sha256.Sum256([]byte(appID + "\x00" + token))
	now := time.Now()
	k.mu.Lock()
	held, ok := k.known[mark]
	k.mu.Unlock()
	if ok && now.Before(held.until) {
		return held.key, nil
	}
	key, err := k.projects.Authenticate(ctx, appID, token)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		delete(k.known, mark)
		return db.Key{}, err
	}
	if len(k.known) >= keysKnown {
		clear(k.known)
	}
	k.known[mark] = knownKey{key, now.Add(keyTrust)}
	return key, nil
}
