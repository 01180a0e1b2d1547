package main

import (
	"context"
	"fmt"

	"herald/db"
	"herald/internal/id"
)

type projectCommand struct {
	Create projectCreateCommand `cmd:"" help:"Make a project: a tenant with its own customers, keys and distributions."`
	Set    projectSetCommand    `cmd:"" help:"Change what holds for all of a project's distributions."`
}

type projectCreateCommand struct {
	Name string `arg:"" help:"Name of the project."`
	ledgerFlags
}

// Run makes the project and prints its id.
func (c *projectCreateCommand) Run(ctx context.Context, p *program) error {
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	project, err := db.Projects{Pool: pool}.Create(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, id.Project.Format(project))
	return err
}

type projectSetCommand struct {
	Name           string `arg:"" help:"Name of the project."`
	MessagesPerDay int32  `required:"" placeholder:"N" help:"How many messages of automatic distributions one customer gets in a day of theirs; 0 for no cap."`
	ledgerFlags
}

// Run changes the project.
func (c *projectSetCommand) Run(ctx context.Context, _ *program) error {
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	projects := db.Projects{Pool: pool}
	project, err := projects.Find(ctx, c.Name)
	if err != nil {
		return err
	}
	return projects.SetMessagesPerDay(ctx, project, c.MessagesPerDay)
}

type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Make an API key; its token is shown this once."`
	Revoke keyRevokeCommand `cmd:"" help:"End an API key; the API refuses it within five seconds."`
}

type keyCreateCommand struct {
	Project string   `required:"" help:"Project the key is for."`
	Role    db.Role  `required:"" enum:"admin,ops,ingest,viewer,client" help:"What it may do: admin everything, ops read and control distributions, ingest send customers and events in, viewer read, client be in a web page and call /client/v1."`
	Name    string   `default:"" help:"What the key is for, in your words."`
	Origin  []string `placeholder:"ORIGIN" help:"Where a client key is used from, such as https://shop.example; may repeat."`
	ledgerFlags
}

// Run makes the key and prints both headers that show it.
func (c *keyCreateCommand) Run(ctx context.Context, p *program) error {
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	projects := db.Projects{Pool: pool}
	project, err := projects.Find(ctx, c.Project)
	if err != nil {
		return err
	}
	if c.Role == db.Client {
		appID, token, err := projects.CreateClientKey(ctx, project, c.Name, c.Origin)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "X-Client-Application-Id: %s\nX-Client-Token: %s\n", appID, token)
		return err
	}
	if len(c.Origin) > 0 {
		return fmt.Errorf("--origin goes with --role client; a key of role %s is for servers", c.Role)
	}
	appID, token, err := projects.CreateKey(ctx, project, c.Role, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "X-App-Id: %s\nX-App-Token: %s\n", appID, token)
	return err
}

type keyRevokeCommand struct {
	AppID string `arg:"" name:"app-id" help:"The key's X-App-Id."`
	ledgerFlags
}

// Run ends the key.
func (c *keyRevokeCommand) Run(ctx context.Context, _ *program) error {
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	return db.Projects{Pool: pool}.RevokeKey(ctx, c.AppID)
}
