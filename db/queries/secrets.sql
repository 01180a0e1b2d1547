-- name: SecretGet :one
SELECT value FROM secrets WHERE name = $1;
