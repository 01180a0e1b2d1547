package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/origin"
)

// Role is what an API key may do.
type Role string

// The roles: admin everything, ops reads and controls distributions, ingest sends customers, orders and events, viewer reads.
// A client key stands in a web page for everyone to see: it opens the client-side door only, from its origins.
const (
	Admin  Role = "admin"
	Ops    Role = "ops"
	Ingest Role = "ingest"
	Viewer Role = "viewer"
	Client Role = "client"
)

// Key is an API key as a caller shows it; the token is known only when the key is made, because its hash alone is kept.
type Key struct {
	ProjectID uuid.UUID
	AppID     string
	Name      string
	Role      Role
	Origins   []string // of a client key
}

// Projects is the store of tenants and their keys.
type Projects struct{ Pool *pgxpool.Pool }

// Create makes a project.
func (s Projects) Create(ctx context.Context, name string) (uuid.UUID, error) {
	row, err := q.ProjectCreate(ctx, s.Pool, name)
	if violates(err, "projects_name_key") {
		return uuid.UUID{}, fault.New(fault.Duplicate, "a project named %q exists", name)
	}
	return row.ID, err
}

// Find looks a project up by name.
func (s Projects) Find(ctx context.Context, name string) (uuid.UUID, error) {
	row, err := q.ProjectGetByName(ctx, s.Pool, name)
	if missing(err) {
		return uuid.UUID{}, fault.Missing("project", name)
	}
	return row.ID, err
}

// SetMessagesPerDay caps what automatic distributions send to one customer in a day of theirs, over all of the project's
// messages; 0 is without a cap.
func (s Projects) SetMessagesPerDay(ctx context.Context, project uuid.UUID, most int32) error {
	if most < 0 {
		return fault.Property("messages-per-day", "should be 1 or more, or 0 for no cap, not %d", most)
	}
	params := rows.ProjectSetMessagesPerDayParams{ID: project}
	if most > 0 {
		params.MessagesPerDay = &most
	}
	return q.ProjectSetMessagesPerDay(ctx, s.Pool, params)
}

// CreateKey makes a key of a project and returns its app id and its token, which cannot be read again.
func (s Projects) CreateKey(ctx context.Context, project uuid.UUID, role Role, name string) (appID, token string, err error) {
	return s.createKey(ctx, project, role, name, nil)
}

// CreateClientKey is CreateKey for a key that web pages of those origins carry.
func (s Projects) CreateClientKey(ctx context.Context, project uuid.UUID, name string, origins []string) (appID, token string, err error) {
	allowed := make([]string, len(origins))
	for i, text := range origins {
		if allowed[i], err = origin.Parse(text); err != nil {
			return "", "", err
		}
	}
	if len(allowed) == 0 {
		return "", "", fault.Property("origin", "A client key needs an origin, such as https://shop.example")
	}
	return s.createKey(ctx, project, Client, name, allowed)
}

func (s Projects) createKey(ctx context.Context, project uuid.UUID, role Role, name string, origins []string) (appID, token string, err error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", "", fmt.Errorf("draw a token: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(secret)
	appID = id.New().String()
	_, err = q.APIKeyCreate(ctx, s.Pool, rows.APIKeyCreateParams{
		ProjectID: project, AppID: appID, TokenHash: hash(token), Role: string(role), Name: name, Origins: origins,
	})
	return appID, token, err
}

// RevokeKey ends a key; requests that show it fail from now on.
func (s Projects) RevokeKey(ctx context.Context, appID string) error {
	n, err := q.APIKeyRevoke(ctx, s.Pool, appID)
	if err == nil && n == 0 {
		return fault.Missing("api_key", appID)
	}
	return err
}

// Authenticate finds whose key it is; fault.Unauthorized where it is nobody's.
func (s Projects) Authenticate(ctx context.Context, appID, token string) (Key, error) {
	row, err := q.APIKeyFind(ctx, s.Pool, appID)
	if err != nil && !missing(err) {
		return Key{}, err
	}
	if err != nil || subtle.ConstantTimeCompare(row.TokenHash, hash(token)) != 1 {
		return Key{}, &fault.Error{Code: fault.Unauthorized}
	}
	return Key{ProjectID: row.ProjectID, AppID: row.AppID, Name: row.Name, Role: Role(row.Role), Origins: row.Origins}, nil
}

// EnsureDemo makes the project of `herald dev`, whose credentials everyone knows.
func EnsureDemo(ctx context.Context, pool *pgxpool.Pool) error {
	project, err := q.ProjectEnsure(ctx, pool, "demo")
	if err != nil {
		return err
	}
	return q.APIKeyEnsure(ctx, pool, rows.APIKeyEnsureParams{
		ProjectID: project.ID, AppID: "dev", TokenHash: hash("dev"), Role: string(Admin), Name: "development",
	})
}

func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
