package db

import "github.com/jackc/pgx/v5/pgxpool"

// Balances is the store of what is on gift vouchers and loyalty cards.
type Balances struct{ Pool *pgxpool.Pool }
