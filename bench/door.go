package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	"herald/internal/distribution"
	"herald/internal/message"
)

// door is a client of Herald's API.
type door struct {
	base, appID, token string
	client             *http.Client // nil: the usual one
}

// standing is what the API says of a distribution.
type standing struct {
	ID       string              `json:"id"`
	Status   distribution.Status `json:"status"`
	Reason   string              `json:"reason"`
	Messages *message.Tally      `json:"messages"`
	RunURL   string              `json:"run_url"`
}

// workflowID is the run's name in the engine; the API tells it in the link to the engine's UI.
func (s standing) workflowID() (string, error) {
	u, err := url.Parse(s.RunURL)
	if err != nil {
		return "", err
	}
	return url.PathUnescape(path.Base(u.EscapedPath()))
}

// refusal is an answer that is not 2xx.
type refusal struct {
	code int
	body string
}

func (r *refusal) Error() string { return fmt.Sprintf("the API answered %d: %s", r.code, r.body) }

func (d *door) call(ctx context.Context, method, at string, in, out any, headers ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, d.base+at, &body)
	if err != nil {
		return err
	}
	request.Header.Set("X-App-Id", d.appID)
	request.Header.Set("X-App-Token", d.token)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := cmp.Or(d.client, http.DefaultClient).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return &refusal{response.StatusCode, string(answer)}
	}
	return json.Unmarshal(answer, out)
}

func (d *door) create(ctx context.Context, spec distribution.Spec) (s standing, err error) {
	return s, d.call(ctx, http.MethodPost, "/distributions", spec, &s)
}

func (d *door) get(ctx context.Context, id string) (s standing, err error) {
	return s, d.call(ctx, http.MethodGet, "/distributions/"+id, nil, &s)
}

// order is send, pause, resume, stop or send-now.
func (d *door) order(ctx context.Context, id, order string) (s standing, err error) {
	return s, d.call(ctx, http.MethodPost, "/distributions/"+id+"/"+order, nil, &s)
}
