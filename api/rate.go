package api

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

const defaultRate = 100_000 // requests a minute for each key

// limitRate lets each key make perMinute requests in each minute of the clock, and says in every answer how many are left.
// The count is this process's own.
func limitRate(perMinute int) echo.MiddlewareFunc {
	if perMinute <= 0 {
		perMinute = defaultRate
	}
	return limit(perMinute, "This key", func(c echo.Context) string { return caller(c).AppID })
}

const defaultClientRate = 120 // requests a minute for each address of a browser

// limitAddress is limitRate for browsers, by the address they come from. It stands before their keys are looked at, so that
// nobody can guess any faster.
func limitAddress(perMinute int) echo.MiddlewareFunc {
	if perMinute <= 0 {
		perMinute = defaultClientRate
	}
	return limit(perMinute, "Your address", func(c echo.Context) string { return network(c.RealIP()) })
}

// network is the address, or of IPv6 the network that one subscriber has.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// limit lets each who make perMinute requests in each minute of the clock.
func limit(perMinute int, whose string, who func(echo.Context) string) echo.MiddlewareFunc {
	spent := &spending{made: map[string]int{}}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			now := time.Now()
			period := now.Truncate(time.Minute)
			renewed := period.Add(time.Minute)
			made := spent.add(period, who(c))
			header := c.Response().Header()
			header.Set("X-Rate-Limit-Limit", strconv.Itoa(perMinute))
			header.Set("X-Rate-Limit-Remaining", strconv.Itoa(max(perMinute-made, 0)))
			header.Set("X-Rate-Limit-Retry", strconv.FormatInt(renewed.Unix(), 10))
			header.Set("X-Rate-Limit-Type", "api_calls")
			if made > perMinute {
				return &fault.Error{
					Code: fault.RateLimited, RetryAfter: renewed.Sub(now),
					Details: whose + " may make " + strconv.Itoa(perMinute) + " requests a minute; the next minute starts at " +
						renewed.UTC().Format(time.RFC3339),
				}
			}
			return next(c)
		}
	}
}

// spending counts the requests of each key in the present period.
type spending struct {
	mu     sync.Mutex
	period time.Time
	made   map[string]int
}

func (s *spending) add(period time.Time, key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !period.Equal(s.period) {
		s.period = period
		clear(s.made)
	}
	s.made[key]++
	return s.made[key]
}
