package api

import (
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
	spent := &spending{made: map[string]int{}}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			now := time.Now()
			period := now.Truncate(time.Minute)
			renewed := period.Add(time.Minute)
			made := spent.add(period, caller(c).AppID)
			header := c.Response().Header()
			header.Set("X-Rate-Limit-Limit", strconv.Itoa(perMinute))
			header.Set("X-Rate-Limit-Remaining", strconv.Itoa(max(perMinute-made, 0)))
			header.Set("X-Rate-Limit-Retry", strconv.FormatInt(renewed.Unix(), 10))
			header.Set("X-Rate-Limit-Type", "api_calls")
			if made > perMinute {
				return &fault.Error{
					Code: fault.RateLimited, RetryAfter: renewed.Sub(now),
					Details: "This key may make " + strconv.Itoa(perMinute) + " requests a minute; the next minute starts at " +
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
